# m2f as a command: docker build -t m2f . && docker run --rm -v "$PWD:/work" m2f run 4c --scale smoke
# For GPUs: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130, and docker run --gpus all --shm-size 16g
FROM python:3.11-slim
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# OpenCV's libraries, which its wheels leave to the system, and the compiler that Triton starts kernels with on GPUs
RUN apt-get update && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /m2f
COPY requirements.lock .
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.lock)"
RUN pip install --no-cache-dir --requirement requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps .

WORKDIR /work
ENTRYPOINT ["m2f"]
CMD ["doctor"]
