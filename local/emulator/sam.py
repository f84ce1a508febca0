"""The SAM CLI, as the local stack needs it: it compresses the functions quickly rather than well, because they are large and
go no further than this machine; and it has cargo build each of them in the workspace's folder, where all were built before
with the same features of their dependencies."""

import functools
import os
import sys
import zipfile

from aws_lambda_builders.workflows.rust_cargo.cargo_lambda import SubprocessCargoLambda
from samcli.cli.main import cli

zipfile.ZipFile.writestr = functools.partialmethod(zipfile.ZipFile.writestr, compresslevel=1)

run_cargo_lambda = SubprocessCargoLambda.run
SubprocessCargoLambda.run = lambda self, command, cwd: run_cargo_lambda(self, command, os.getcwd())

if __name__ == "__main__":
    sys.argv[0] = "sam"
    cli()
