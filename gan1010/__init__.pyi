from . import client as client
from . import export as export
from . import plots as plots
from .config import PRESETS as PRESETS
from .config import Preset as Preset
from .config import TrainConfig as TrainConfig
from .history import History as History
from .history import Snapshots as Snapshots
from .model import Model as Model
from .model import load_model as load_model
from .networks import Discriminator as Discriminator
from .networks import Generator as Generator
from .results import Result as Result
from .sweeps.grid import SweepConfig as SweepConfig
from .sweeps.results import Member as Member
from .sweeps.results import Members as Members
from .sweeps.sweep import Sweep as Sweep
from .sweeps.sweep import sweep as sweep
from .sweeps.sweep import sweeping as sweeping
from .training import DivergedError as DivergedError
from .training import Progress as Progress
from .training import Run as Run
from .training import run as run
from .training import train as train

__version__: str
