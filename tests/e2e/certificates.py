"""Certificates for tests: script/make_certs, and those that it does not make because nobody should have them."""

import glob
import os
import subprocess

import harness

FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)


def make(directory, *arguments, shift=None):
    """Runs script/make_certs; `shift` moves the clock meanwhile: "-60d" makes certificates that have expired."""
    environment = dict(os.environ)
    if shift is not None:
        environment.update(LD_PRELOAD=FAKETIME, FAKETIME=shift)
    subprocess.run([os.path.join(harness.REPOSITORY, "script", "make_certs"), directory, *arguments],
                   check=True, capture_output=True, env=environment)
    return directory


def server(directory, client_ca=None):
    """Options of a server with the certificate of a directory, which asks clients for theirs when client_ca is given."""
    files = ["--tls_cert_file", f"{directory}/server.pem", "--tls_key_file", f"{directory}/server-key.pem"]
    return files if client_ca is None else [*files, "--tls_client_ca_file", f"{client_ca}/ca.pem"]


def grpcurl(directory, client=None):
    """Options of grpcurl."""
    trusted = ["-cacert", f"{directory}/ca.pem"]
    return trusted if client is None else [
        *trusted, "-cert", f"{directory}/{client}.pem", "-key", f"{directory}/{client}-key.pem"]


def suppressctl(directory, client=None):
    """Options of suppressctl."""
    trusted = ["--tls_ca", f"{directory}/ca.pem"]
    return trusted if client is None else [
        *trusted, "--tls_cert", f"{directory}/{client}.pem", "--tls_key", f"{directory}/{client}-key.pem"]


def upstream(directory, client):
    """Options of a sidecar."""
    return ["--upstream_ca_file", f"{directory}/ca.pem", "--upstream_cert_file", f"{directory}/{client}.pem",
            "--upstream_key_file", f"{directory}/{client}-key.pem"]
