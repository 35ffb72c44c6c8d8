#!/usr/bin/env bash
# Starts a real NameNode and DataNode on this machine and checks them: a file is written, read, renamed and removed.
#
#   storage/hdfs/set_up.sh [FOLDER]     default build/hdfs; stop it with scripts/services/hadoop.sh stop FOLDER
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
hadoop=scripts/services/hadoop.sh
folder=$(realpath -m "${1:-build/hdfs}")
install_packages test
$hadoop start hdfs "$folder" >/dev/null
. "$folder/ports"
url=http://$namenode_http/webhdfs/v1/leat_check
call() { curl -sSL --fail-with-body -m 30 "$@"; } # follows the NameNode's redirection to a DataNode
expect() { [ "$2" = "$3" ] || { echo "HDFS does not work: $1 gave: $2" >&2; exit 1; }; }
user=user.name=$(id -un)
text="written at $(date +%s)"
call -X PUT "$url?op=MKDIRS&$user" >/dev/null
printf %s "$text" >"$folder/run/checked"
call -T "$folder/run/checked" "$url/a?op=CREATE&overwrite=true&$user"
expect OPEN "$(call "$url/a?op=OPEN&$user")" "$text"
expect RENAME "$(call -X PUT "$url/a?op=RENAME&destination=/leat_check/b&renameoptions=OVERWRITE&$user")" ''
expect OPEN "$(call "$url/b?op=OPEN&offset=8&length=2&$user")" 'at'
expect DELETE "$(call -X DELETE "$url?op=DELETE&recursive=true&$user")" '{"boolean":true}'
cat <<END
HDFS works: hdfs://$namenode (HTTP $namenode_http). To use it:

  export HADOOP_CONF_DIR=$folder/conf
  build/release/leat query -c "COPY (SELECT 1 AS x) TO 'hdfs:///tmp/x.parquet'"
  build/release/leat query -c "SELECT * FROM 'hdfs:///tmp/*.parquet'"
  $hadoop stop $folder
END
