import importlib.util
import sys
from pathlib import Path

# Tests are no packages (importmode=importlib), so what they share is loaded by its path.
_spec = importlib.util.spec_from_file_location("boards", Path(__file__).with_name("boards.py"))
boards = importlib.util.module_from_spec(_spec)
sys.modules["boards"] = boards
_spec.loader.exec_module(boards)
