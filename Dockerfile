# Build: the package and its dependencies in a virtual environment.
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/tidegate
COPY pyproject.toml README.md LICENSE ./
COPY memory memory
COPY browser_pool browser_pool
COPY scraper scraper
COPY jobs jobs
COPY tidegate tidegate
RUN /opt/tidegate/bin/pip install --no-cache-dir .

# Run: Python, Chromium's headless shell, an init that reaps, and nothing to build with.
FROM python:3.13-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends chromium-headless-shell libatomic1 tini fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/tidegate --shell /usr/sbin/nologin tidegate
COPY --from=build /opt/tidegate /opt/tidegate
ENV PATH=/opt/tidegate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TIDEGATE_DATA_DIR=/var/lib/tidegate
USER tidegate
WORKDIR /var/lib/tidegate
VOLUME /var/lib/tidegate
ENTRYPOINT ["tini", "--", "tidegate"]
CMD ["serve"]
