"""Bytes in and out: uploading blobs, downloading the files of a version."""
