"""Where a version's files can be looked at with a browser: the consoles of AWS and Google Cloud."""

from urllib.parse import quote

from modelstore_core import ModelStore

__all__ = ["console_page", "page_of"]

_PAGES = {
    "s3": "https://console.aws.amazon.com/s3/buckets/{bucket}?prefix={path}/",
    "gs": "https://console.cloud.google.com/storage/browser/{bucket}/{path}",
}


def page_of(store: ModelStore, url: str) -> str | None:
    """The page of what lies at this URL of the store; None if it is on no service that has one."""
    page = console_page(url)
    return page if page is not None and not _endpoint(store) else None


def console_page(url: str) -> str | None:
    """The page of what lies at this URL, if its bucket is the service's own."""
    scheme, _, place = url.partition("://")
    bucket, _, path = place.partition("/")
    return _PAGES[scheme].format(bucket=quote(bucket), path=quote(path.strip("/"))) if scheme in _PAGES else None


def _endpoint(store: ModelStore) -> str:
    """The service's address, "" for the default one; asked once a process, because S3 is asked for more with it."""
    if store.url not in _endpoints:
        _endpoints[store.url] = store.storage.location().endpoint
    return _endpoints[store.url]


_endpoints: dict[str, str] = {}
