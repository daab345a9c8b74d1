# The image of every role of Floorwatch, of one machine and of a cluster. Nothing is compiled here but the engine's loops, which are then
# read by whoever starts; what is installed are wheels of the versions and hashes in the lock files.
FROM python:3.13.9-slim-bookworm AS build
RUN python -m venv /opt/floorwatch
ENV PATH=/opt/floorwatch/bin:$PATH
WORKDIR /srv/floorwatch
COPY requirements-build.lock requirements-kafka.lock ./
RUN pip install --no-cache-dir --only-binary=:all: --require-hashes -r requirements-build.lock -r requirements-kafka.lock
COPY pyproject.toml README.md LICENSE ./
COPY engine ./engine
COPY streams ./streams
COPY dashboards ./dashboards
COPY alerts ./alerts
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13.9-slim-bookworm
COPY --from=build /opt/floorwatch /opt/floorwatch
ENV PATH=/opt/floorwatch/bin:$PATH NUMBA_CACHE_DIR=/compiled
# Volumes begin as these folders are. Whoever FLOORWATCH_USER is may write here, and compile for another processor than this one.
RUN install -d -m 1777 /data /monitoring && install -d -m 0777 /compiled
USER 1000:1000
WORKDIR /tmp
RUN floorwatch simulate --preset small --duration 10m --seed 1 -o compiling.jsonl \
    && floorwatch replay compiling.jsonl > /dev/null \
    && python -m streams.kafka.compiling compiling.jsonl \
    && rm compiling.jsonl \
    && chmod -R a+rwX /compiled/*
CMD ["floorwatch", "--help"]
