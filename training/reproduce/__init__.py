"""The measurements of the paper and of the report, repeated with any model.

The paper is Mohan, Kadkhodaie, Simoncelli and Fernandez-Granda, "Robust and interpretable blind image denoising via
bias-free convolutional neural networks" (ICLR 2020); the report is S. Mohan, "How do neural networks denoise natural
images?". The numbers come from ``biasfree.analysis``, the same code that computes the answers of ``/analyze``:
docs/adr/0002-reproduction-uses-the-analysis.md.

Each module named in ``page_names`` has a function ``page``, which measures and returns one page.

Shape letters: M patches, S noise levels, C channels, P patch side, N = C*P*P, L layers, V vectors.
"""
