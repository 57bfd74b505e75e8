"""Tests of rubrics; the judge that obeys and the attacks on it are shared by several of them."""
