#!/usr/bin/env bash
# The search index against a real OpenSearch node, made of its published jars.
source "$(dirname "$0")/peer.sh"

have java openjdk-17-jdk-headless
have mvn maven
have curl curl
lane="$PWD/.ci/lanes/opensearch"
mvn --quiet --batch-mode --file "$lane/pom.xml" dependency:copy-dependencies -DoutputDirectory="$work/jars"
port="$(free_port)"
start java -Xms256m -Xmx512m -cp "$work/jars/*" "$lane/SingleNode.java" "$work/node" "$port"
ready 120 curl --silent --fail "http://127.0.0.1:$port/_cluster/health?wait_for_status=yellow&timeout=1s"
OPENSEARCH_URL="http://127.0.0.1:$port" specs query-api/matching/opensearch-tutor-index
