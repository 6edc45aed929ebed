#!/usr/bin/env bash
# The shapes of our stand-in's answers against stripe-mock, which Stripe makes from the description of its API.
source "$(dirname "$0")/peer.sh"

have curl curl
GOBIN="$work" go install github.com/stripe/stripe-mock@v0.203.0
port="$(free_port)"
start "$work/stripe-mock" -http-addr "127.0.0.1:$port"
ready 30 curl --silent --fail --user sk_test_123: "http://127.0.0.1:$port/v1/balance"
STRIPE_CONTRACT_URL="http://127.0.0.1:$port" specs infra/embedded/stripe/stripe.contract
