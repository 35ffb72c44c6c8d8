"""Prints each table of a catalog and its number of rows, as PyIceberg reads them; files come over WebHDFS.

    pyiceberg_read.py CATALOG.DB
"""
import io
import sys
import urllib.parse

import webhdfs
from pyiceberg.catalog import load_catalog
from pyiceberg.io import FileIO, InputFile, OutputFile


class WebHdfsFile(InputFile):
    """A file on HDFS, fetched whole."""

    def __init__(self, location):
        super().__init__(location)
        self.path = urllib.parse.unquote(urllib.parse.urlsplit(location).path)

    def __len__(self):
        return webhdfs.status(self.path)["length"]

    def exists(self):
        return webhdfs.status(self.path) is not None

    def open(self, seekable=True):
        return io.BytesIO(webhdfs.read(self.path))


class WebHdfsFileIO(FileIO):
    """Reads only."""

    def new_input(self, location):
        return WebHdfsFile(location)

    def new_output(self, location) -> OutputFile:
        raise NotImplementedError

    def delete(self, location):
        raise NotImplementedError


if __name__ == "__main__":
    sys.modules["pyiceberg_read"] = sys.modules["__main__"]
    catalog = load_catalog("leat", type="sql", uri=f"sqlite:///{sys.argv[1]}", **{"py-io-impl": "pyiceberg_read.WebHdfsFileIO"})
    for namespace in catalog.list_namespaces():
        for table in catalog.list_tables(namespace):
            print(".".join(table), catalog.load_table(table).scan().to_arrow().num_rows)
