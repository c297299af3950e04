# A release names its base by digest: docker build --build-arg BASE=python:3.13-slim-bookworm@sha256:...
ARG BASE=python:3.13-slim-bookworm

# Build: what is locked in a virtual environment without pip, and the package, built by what is locked as well.
FROM ${BASE} AS build
WORKDIR /src
COPY deploy/build.txt deploy/requirements.txt deploy/
RUN python3 -m venv /opt/build \
    && python3 -m venv --without-pip /opt/tidegate \
    && /opt/build/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r deploy/build.txt \
    && /opt/build/bin/pip --python /opt/tidegate/bin/python install --no-cache-dir --only-binary :all: \
        --require-hashes -r deploy/requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY memory memory
COPY browser_pool browser_pool
COPY scraper scraper
COPY jobs jobs
COPY tidegate tidegate
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-index --no-build-isolation --wheel-dir /opt/wheels . \
    && /opt/build/bin/pip --python /opt/tidegate/bin/python install --no-cache-dir --no-deps --no-index \
        /opt/wheels/tidegate-*.whl
COPY deploy/ready.py /opt/tidegate/ready.py
# Names for debuggers are a fifth of Node's driver and most of asyncpg and uvloop; with what C compilers read: 65 MB.
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils \
    && find /opt/tidegate/lib -type f \( -name '*.so' -o -path '*/driver/node' \) -exec strip --strip-unneeded {} + \
    && find /opt/tidegate/lib -type f \( -name '*.[ch]' -o -name '*.pyx' -o -name '*.pxd' \) -delete

# Run: Python, Chromium's headless shell, an init that reaps, and nothing to build with.
FROM ${BASE}
# Chromium wants these two for desktops; with them come Mesa, LLVM and ICU: 210 MB that a headless shell never opens.
RUN mkdir -p /none/DEBIAN \
    && printf '%s\n' 'Package: no-desktop' 'Version: 1' 'Architecture: all' 'Provides: x11-utils, xdg-utils' \
        'Maintainer: Tidegate' 'Description: stands for programs that a container has no use for' \
        >/none/DEBIAN/control \
    && dpkg-deb --build /none /none.deb \
    && dpkg --install /none.deb \
    && rm -r /none /none.deb
RUN apt-get update \
    && apt-get install -y --no-install-recommends chromium-headless-shell fonts-dejavu-core libatomic1 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/fontconfig/* /var/log/apt /var/log/*.log \
        /usr/lib/chromium/libVkLayer_* /usr/lib/chromium/libVkICD_mock_* \
    && groupadd --gid 10001 tidegate \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/tidegate --shell /usr/sbin/nologin tidegate \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/tidegate
COPY --from=build /opt/tidegate /opt/tidegate
# A dashboard, so that HEALTHCHECK has somebody to ask, of a worker as well.
ENV PATH=/opt/tidegate/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TIDEGATE_DASHBOARD=127.0.0.1:8710 \
    TIDEGATE_DATA_DIR=/var/lib/tidegate
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /var/lib/tidegate
# All that is ever written: the root may be read-only. On disk, as a tmpfs would count against the memory limit.
VOLUME ["/var/lib/tidegate", "/tmp"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=4 \
    CMD ["/opt/tidegate/bin/python", "-I", "-S", "/opt/tidegate/ready.py"]
ENTRYPOINT ["tini", "--", "tidegate"]
CMD ["serve"]
