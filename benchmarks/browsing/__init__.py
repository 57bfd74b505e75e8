"""A headless Chromium that is told what to do, for benchmarks, pictures and tests of pages."""
