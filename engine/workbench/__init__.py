"""The workbench: tools for those who write channels."""
