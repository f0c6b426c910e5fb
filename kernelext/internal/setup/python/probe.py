# Prints what the interpreter is, as JSON; old Pythons must understand it too.
import json
import sys

venv = False
try:
    import ensurepip  # Debian ships it apart from Python
    import venv as _venv
    venv = True
except ImportError:
    pass
print(json.dumps({"Exe": sys.executable, "Version": list(sys.version_info[:3]), "Venv": venv}))
