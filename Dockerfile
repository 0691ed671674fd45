# The explorer of one catalog: docker run -p 127.0.0.1:8000:8000 -v ./shop.catalog:/catalog:ro lookalike
FROM python:3.13-slim AS build
COPY . /src
RUN python -m venv /opt/lookalike && /opt/lookalike/bin/pip install --no-cache-dir /src

FROM python:3.13-slim
COPY --from=build /opt/lookalike /opt/lookalike
RUN useradd --system --create-home lookalike
USER lookalike
EXPOSE 8000
ENTRYPOINT ["/opt/lookalike/bin/lookalike"]
CMD ["serve", "/catalog", "--host", "0.0.0.0"]
