"""What the tests do to HDFS beside Leat: WebHDFS by the standard library."""
import json
import os
import urllib.error
import urllib.parse
import urllib.request

BASE = f"http://{os.environ['namenode_http']}/webhdfs/v1"
# Never by way of the proxies that tests put before Leat.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method, path, operation, data=None, **parameters):
    """The answer's bytes; None if HDFS says that there is no such file."""
    query = urllib.parse.urlencode({"op": operation, "user.name": "root", **parameters})
    url = f"{BASE}{urllib.parse.quote(path)}?{query}"
    try:
        if data is None:
            return opener.open(urllib.request.Request(url, method=method), timeout=30).read()
        asked = urllib.request.Request(f"{url}&noredirect=true", method=method)
        place = json.loads(opener.open(asked, timeout=30).read())["Location"]
        place = urllib.parse.quote(place, safe="%:/?&=+#")  # the NameNode leaves letters as they are
        request = urllib.request.Request(place, data=data, method=method, headers={"Content-Type": "application/octet-stream"})
        return opener.open(request, timeout=30).read()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise RuntimeError(f"{operation} {path}: {error.read()}") from error


def read(path):
    return call("GET", path, "OPEN")


def write(path, data):
    call("PUT", path, "CREATE", data, overwrite="true")


def remove(path):
    call("DELETE", path, "DELETE", recursive="true")


def names(path):
    """Names in a folder, those of temporary files too."""
    answer = call("GET", path, "LISTSTATUS")
    return sorted(item["pathSuffix"] for item in json.loads(answer)["FileStatuses"]["FileStatus"]) if answer else []


def status(path):
    answer = call("GET", path, "GETFILESTATUS")
    return json.loads(answer)["FileStatus"] if answer else None


def walk(path):
    """All files below a folder."""
    answer = call("GET", path, "LISTSTATUS")
    for item in json.loads(answer)["FileStatuses"]["FileStatus"] if answer else []:
        whole = f"{path}/{item['pathSuffix']}"
        if item["type"] == "DIRECTORY":
            yield from walk(whole)
        else:
            yield whole
