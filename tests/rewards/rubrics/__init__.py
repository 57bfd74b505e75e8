"""Tests of rubrics; the scripted judges are shared by several of them."""
