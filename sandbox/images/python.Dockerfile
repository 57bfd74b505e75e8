# The image of the docker sandbox, for engines that can reach a registry:
#
#     python -m assay.sandbox.docker_image
#
# Any other image does too, if it has a python3 (3.11 or newer) and /bin/sh: Python programs run by
# it, and a command finds what the image holds. Nothing of Assay is in the image: the code that
# watches over the programs comes in with the container. The root is read-only at run time, no user
# of the image is used, and nothing is listened to.
FROM debian:12-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        python3 bash coreutils \
        nodejs \
        gcc g++ libc6-dev \
        sqlite3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
# Programs get their own uid: what only root may write, they cannot.
RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +
ENV PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
