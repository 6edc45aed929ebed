#!/usr/bin/env bash
# The contract of mail, files and accounts against moto, another implementation of AWS.
source "$(dirname "$0")/peer.sh"

have python3 python3
have curl curl
# Debian's own Python comes without what makes a virtual environment.
python3 -c 'import ensurepip' 2>/dev/null || install python3-venv
python3 -m venv "$work/venv"
# Only what these three services and the server need: all of moto[server] takes three times as long to install.
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile 'moto[cognitoidp,s3]==5.2.5' 'flask==3.1.3' 'flask-cors==6.0.5'
port="$(free_port)"
start "$work/venv/bin/moto_server" -H 127.0.0.1 -p "$port"
ready 60 curl --silent --fail "http://127.0.0.1:$port/moto-api/"
AWS_CONTRACT_ENDPOINT="http://127.0.0.1:$port" specs infra/embedded/aws
