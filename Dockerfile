# rpo in a container, from its wheels. With CUDA:   docker build -t rpo .
# without, 5 GB smaller:   docker build -t rpo --build-arg TORCH=cpu .
# Nothing is downloaded when it runs: mount datasets, CLIP's weights and an output folder.
#   docker run --gpus all -v /datasets:/data -v ~/.cache/clip:/clip -v $PWD/output:/work/output rpo \
#       run base2new --methods RPO
FROM python:3.12-slim AS wheels
WORKDIR /source
COPY . .
RUN pip wheel --quiet --no-deps --wheel-dir /wheels . ./dassl-lite

FROM python:3.12-slim
ARG TORCH=cuda
COPY --from=wheels /wheels /wheels
RUN if [ "$TORCH" = cpu ]; then \
        pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu; \
    fi \
    && pip install --no-cache-dir /wheels/dassl_lite-*.whl "$(ls /wheels/rpo_clip-*.whl)[report,slurm]" \
    && rm -r /wheels
ENV DATA=/data CLIP_CACHE=/clip
WORKDIR /work
# The image is what it should be, or is not built.
RUN rpo doctor
ENTRYPOINT ["rpo"]
CMD ["--help"]
