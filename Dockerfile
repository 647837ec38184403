FROM python:3.11-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
COPY pyproject.toml uv.lock README.md ./
COPY service ./service
COPY migrations ./migrations
ENV UV_PROJECT_ENVIRONMENT=/opt/aicompare UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
RUN uv sync --locked --all-extras --no-dev --no-editable

FROM python:3.11-slim
RUN useradd --system --uid 10001 aicompare && install -d -o aicompare /data
COPY --from=build /opt/aicompare /opt/aicompare
ENV PATH=/opt/aicompare/bin:$PATH PYTHONUNBUFFERED=1
USER aicompare
WORKDIR /data
EXPOSE 8080
CMD ["aicompare", "serve", "--host", "0.0.0.0", "--port", "8080"]
