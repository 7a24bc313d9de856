#!/usr/bin/env bash
# Ceph's S3 gateway on this machine, for `make soak`: a real server that many run, and one whose create-if-absent is
# real only as long as a bucket's versioning is off.
#
#   tools/ceph_rgw.sh unpack       fetch Debian's packages and unpack them into .ceph: nothing is installed, no root
#   tools/ceph_rgw.sh run FOLDER   start it with all its data in the new FOLDER, print the endpoint, end with stdin
#
# The credentials are "rgw-access-key" and "rgw-secret-key"; it listens on 127.0.0.1 only.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home=$top/.ceph
root=$home/root

unpack() {
    [ -e "$home/ready" ] && return
    mkdir -p "$home/debs" "$root"
    cd "$home/debs"
    local wanted
    wanted=$(apt-get install --simulate --no-install-recommends radosgw ceph-mon ceph-osd ceph-common |
        awk '/^Inst/ {print $2}')
    echo "Fetching $(wc -w <<<"$wanted") packages, about 70 MB …"
    # shellcheck disable=SC2086 # one word a package
    apt-get download -q $wanted >/dev/null
    for package in *.deb; do
        dpkg-deb --extract "$package" "$root"
    done
    cd "$top"
    rm -r "$home/debs"
    touch "$home/ready"
}

free_port() { # where nothing listens; asked of the kernel
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

configure() {
    mkdir -p "$data/mon" "$data/osd" "$data/rgw" "$data/log"
    cat >"$data/ceph.conf" <<-END
	[global]
	fsid = $(cat /proc/sys/kernel/random/uuid)
	mon host = [v2:127.0.0.1:$mon_port]
	public network = 127.0.0.0/8
	run dir = $data
	log file = $data/log/\$name.log
	admin socket = $data/\$name.asok
	plugin dir = $libraries/ceph
	erasure code dir = $libraries/ceph/erasure-code
	osd class dir = $libraries/rados-classes
	auth allow insecure global id reclaim = false
	mon allow pool size one = true
	mon data avail crit = 1
	mon data avail warn = 2
	osd pool default size = 1
	osd pool default min size = 1
	osd pool default pg num = 4
	osd pool default pgp num = 4
	osd crush chooseleaf type = 0
	osd objectstore = memstore
	memstore device bytes = 4294967296
	[mon]
	mon data = $data/mon
	[osd]
	osd data = $data/osd
	[client.admin]
	keyring = $data/admin.keyring
	[client.rgw]
	keyring = $data/rgw/keyring
	rgw data = $data/rgw
	rgw frontends = beast endpoint=127.0.0.1:$rgw_port tcp_nodelay=1
	rgw run sync thread = false
	END
}

patiently() { # the command, tried for up to a minute until it succeeds, or until what it waits for has died
    local try
    for try in $(seq 120); do
        "$@" >/dev/null 2>&1 && return
        kill -0 "${daemons[@]}" || break
        sleep 0.5
    done
    echo "Gave up on: $*; the logs are in $data/log." >&2
    exit 1
}

daemon() { # started in the background, stopped with this script
    "$@" >"$data/log/$1.out" 2>&1 </dev/null &
    daemons+=($!)
}

stop() {
    [ $? = 0 ] || tail -n 5 "$data"/log/*.out >&2
    [ ${#daemons[@]} = 0 ] || kill -KILL "${daemons[@]}" || true # what they hold is thrown away
    wait
}

ceph() { /usr/bin/python3 "$root/usr/bin/ceph" -c "$data/ceph.conf" --connect-timeout 20 "$@"; }
osd_is_up() { ceph osd stat | grep -q "1 up"; }
gateway_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$rgw_port"); }

start_monitor() {
    local fsid
    fsid=$(awk '/^fsid/ {print $3}' "$data/ceph.conf")
    monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port]" "$data/monmap"
    ceph-authtool -C "$data/mon.keyring" --gen-key -n mon. --cap mon 'allow *'
    ceph-authtool -C "$data/admin.keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *'
    ceph-authtool "$data/mon.keyring" --import-keyring "$data/admin.keyring"
    ceph-mon --mkfs -i a --keyring "$data/mon.keyring" --monmap "$data/monmap" -c "$data/ceph.conf"
    daemon ceph-mon -f -i a -c "$data/ceph.conf"
    patiently ceph -s
}

start_disk() {
    local uuid secret number
    uuid=$(cat /proc/sys/kernel/random/uuid)
    secret=$(ceph-authtool --gen-print-key)
    echo "{\"cephx_secret\": \"$secret\"}" >"$data/secret.json"
    number=$(ceph osd new "$uuid" -i "$data/secret.json")
    ceph-authtool -C "$data/osd/keyring" -n "osd.$number" --add-key "$secret"
    ceph-osd -i "$number" --mkfs --osd-uuid "$uuid" -c "$data/ceph.conf"
    daemon ceph-osd -f -i "$number" -c "$data/ceph.conf"
    patiently osd_is_up
}

start_gateway() {
    ceph auth get-or-create client.rgw mon 'allow rw' osd 'allow rwx' -o "$data/rgw/keyring"
    daemon radosgw -f -n client.rgw -c "$data/ceph.conf"
    patiently gateway_answers
    radosgw-admin -c "$data/ceph.conf" user create --uid=soak --display-name=soak \
        --access-key=rgw-access-key --secret-key=rgw-secret-key
}

run() {
    [ -e "$home/ready" ] || { echo "First: tools/ceph_rgw.sh unpack" >&2; exit 1; }
    mkdir "$1"
    data=$(cd "$1" && pwd)
    libraries=$(echo "$root"/usr/lib/*-linux-gnu)
    export LD_LIBRARY_PATH=$libraries:$libraries/ceph:$(echo "$root"/lib/*-linux-gnu)
    export PYTHONPATH=$root/usr/lib/python3/dist-packages
    export PATH=$root/usr/bin:$root/usr/sbin:$PATH
    mon_port=$(free_port)
    rgw_port=$(free_port)
    daemons=()
    trap stop EXIT
    configure
    { start_monitor; start_disk; start_gateway; } >"$data/log/start.out" 2>&1
    echo "http://127.0.0.1:$rgw_port"
    cat >/dev/null # until whoever started this ends, however it ends
}

case ${1:-} in
    unpack) unpack ;;
    run) run "${2:?the folder for its data}" ;;
    *) sed -n 's/^# \{0,1\}//; 2,9p' "${BASH_SOURCE[0]}" ;;
esac
