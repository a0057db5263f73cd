"""Every peer, in the order of the tables."""

from tests.benchmarks.contender import Contender
from tests.benchmarks.peers.dbos.contender import DBOS
from tests.benchmarks.peers.langgraph.contender import LangGraph
from tests.benchmarks.peers.prefect.contender import Prefect
from tests.benchmarks.peers.restate.contender import Restate

PEERS: tuple[Contender, ...] = (DBOS(), LangGraph(), Restate(), Prefect())
