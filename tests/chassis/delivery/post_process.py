"""The post as a process of its own: `python -m tests.chassis.delivery.post_process`."""

from chassis.service import main
from tests.chassis.delivery.test_service import POST

if __name__ == "__main__":
    main(POST)
