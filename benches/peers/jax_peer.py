"""JAX's side of the comparison; see protocol.py."""

import os

import protocol

ARGS = protocol.options()

# JAX has no setting for the number of threads: what the process may use decides.
if ARGS.threads < (os.cpu_count() or 1):
    os.sched_setaffinity(0, set(range(ARGS.threads)))
if ARGS.threads == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

try:
    import jax
    import optax  # noqa: F401, the steps need it
except ImportError as error:
    protocol.say(system="jax", missing=str(error))
    raise SystemExit(0)

import jax_kernels
import jax_steps


def main():
    suites = {**jax_kernels.SUITES, "steps": jax_steps.step}
    protocol.serve("jax", jax.__version__, suites, ARGS)


main()
