# docker run -it --rm -p 5555:5555 -v trio-chat:/data trio-chat      serves
# docker run -it --rm trio-chat join HOST                            joins
FROM python:3.13-slim AS build

WORKDIR /src
COPY requirements-redis.lock requirements-build.lock ./
# The same path as in the final stage, since a virtual environment cannot be moved.
RUN python -m venv --without-pip /opt/trio-chat \
    && python -m pip --python /opt/trio-chat/bin/python install --no-cache-dir --require-hashes -r requirements-redis.lock \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock

COPY pyproject.toml README.md LICENSE stickers.toml ./
COPY stickers stickers
COPY trio_chat trio_chat
COPY admin_api admin_api
RUN /opt/build/bin/python -m hatchling build -t wheel -d /dist \
    && python -m pip --python /opt/trio-chat/bin/python install --no-cache-dir --no-index --no-deps /dist/*.whl

FROM python:3.13-slim

RUN groupadd --gid 10001 trio-chat \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin trio-chat \
    && install --directory --owner trio-chat --group trio-chat /data
COPY --from=build /opt/trio-chat /opt/trio-chat
ENV PATH=/opt/trio-chat/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TRIO_CHAT_DATA=/data

# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 5555 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["trio-chat", "health"]
ENTRYPOINT ["trio-chat"]
CMD ["serve"]
