#!/usr/bin/env bash
# A Slurm cluster of this machine alone, for tests, from Debian's slurmctld, slurmd, slurm-client and munge.
#
#     scripts/slurm_loopback.sh start DIRECTORY    then: export SLURM_CONF=DIRECTORY/slurm.conf
#     scripts/slurm_loopback.sh stop DIRECTORY
#
# Everything lies in DIRECTORY: keys, sockets, logs. Nothing of the system's own Slurm or munge is touched. It runs as
# the user who starts it, without accounting and without cgroups.
set -euo pipefail

command=${1:?start or stop}
directory=$(realpath -m "${2:?the directory of the cluster}")
node=$(hostname -s)
user=$(id -un)
export PATH=$PATH:/usr/sbin

start() {
    mkdir -p -m 755 "$directory" "$directory/state" "$directory/spool"
    (umask 077 && head -c 1024 /dev/urandom > "$directory/munge.key")
    munged --force --key-file "$directory/munge.key" --socket "$directory/munge.socket" \
        --pid-file "$directory/munged.pid" --log-file "$directory/munged.log" --seed-file "$directory/munge.seed"
    memory=$(awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
    cat > "$directory/slurm.conf" <<EOF
ClusterName=loopback
SlurmctldHost=$node(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$directory/munge.socket
CredType=cred/munge
MpiDefault=none
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
StateSaveLocation=$directory/state
SlurmdSpoolDir=$directory/spool
SlurmctldPidFile=$directory/slurmctld.pid
SlurmdPidFile=$directory/slurmd.pid
SlurmctldLogFile=$directory/slurmctld.log
SlurmdLogFile=$directory/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=2
ReturnToService=2
SlurmdTimeout=30
KillWait=5
MinJobAge=60
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(getconf _NPROCESSORS_ONLN) RealMemory=$memory State=UNKNOWN
PartitionName=loopback Nodes=$node Default=YES MaxTime=INFINITE State=UP
EOF
    export SLURM_CONF=$directory/slurm.conf
    slurmctld -c > /dev/null 2>&1
    slurmd -c > /dev/null 2>&1
    for _ in $(seq 60); do
        if sinfo --noheader --format=%t 2> /dev/null | grep -q idle; then
            echo "A Slurm cluster of $node is up; export SLURM_CONF=$SLURM_CONF"
            return
        fi
        sleep 0.5
    done
    tail -n 20 "$directory"/*.log >&2
    echo "Slurm did not come up; its logs are in $directory." >&2
    stop
    exit 1
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

stop() {
    export SLURM_CONF=$directory/slurm.conf
    scancel --quiet --user "$user" --full --signal=KILL 2> /dev/null || true
    # What watches over a job outlives the daemons where it cannot tell them its end.
    for _ in $(seq 40); do
        [ -n "$(timeout 10 squeue --noheader 2> /dev/null)" ] || break
        sleep 0.25
    done
    for daemon in slurmd slurmctld munged; do
        if [ -f "$directory/$daemon.pid" ]; then
            pid=$(cat "$directory/$daemon.pid")
            kill "$pid" 2> /dev/null || true
            timeout 10 tail --pid="$pid" --follow /dev/null || true
        fi
    done
}

case $command in
    start | stop) "$command" ;;
    *) echo "start or stop, not $command" >&2 && exit 2 ;;
esac
