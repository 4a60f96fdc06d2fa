"""The measurements of the paper and of the report, made again with any model.

The paper is Mohan, Kadkhodaie, Simoncelli and Fernandez-Granda, "Robust and interpretable blind image denoising via
bias-free convolutional neural networks" (ICLR 2020), the report S. Mohan, "How do neural networks denoise natural
images?". The one package of the training that imports ``service.analysis``, so that these numbers and those of
``/analyze`` come from the same code: docs/adr/0002-reproduction-uses-the-analysis.md.

Shape letters: M patches, S noise levels, C channels, P patch side, N = C*P*P, L layers, V vectors.
"""
