#!/bin/bash
# ResNet50 with SE on a folder of images, on 2 machines with 4 GPUs each, under Slurm.
# Change the paths and the sizes, then:  sbatch examples/slurm.sh
# When the time is over, submit it again: it goes on from the last finished epoch, also
# with other numbers of machines or GPUs.

#SBATCH --job-name=course-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1          # one torchrun for each machine
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=32           # 4 processes with 7 decoders each, and some air
#SBATCH --time=12:00:00
#SBATCH --output=course-train-%j.log

set -euo pipefail

COURSE=$HOME/attention-course        # your checkout, seen by all machines
IMAGES=/data/imagenet                # IMAGES/train/CLASS/*, IMAGES/val/CLASS/*
RESULTS=$COURSE/runs/imagenet        # on a disk that the first machine can write

cd "$COURSE"
source .venv/bin/activate
export PYTHONPATH=$COURSE OMP_NUM_THREADS=1

MEETING=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)

srun torchrun \
    --nnodes "$SLURM_NNODES" \
    --nproc-per-node 4 \
    --rdzv-id "$SLURM_JOB_ID" \
    --rdzv-backend c10d \
    --rdzv-endpoint "$MEETING:29500" \
    -m course_lib.train \
    --profile gpu --data "folder:$IMAGES" --stream --loaders 7 \
    --model se --batch 1024 --lr 0.8 --epochs 100 --out "$RESULTS"
