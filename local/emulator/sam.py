"""The SAM CLI, which compresses the functions quickly rather than well: they are large, and go no further than this
machine."""

import functools
import sys
import zipfile

from samcli.cli.main import cli

zipfile.ZipFile.writestr = functools.partialmethod(zipfile.ZipFile.writestr, compresslevel=1)

if __name__ == "__main__":
    sys.argv[0] = "sam"
    cli()
