# What a lab does to the disk of a host, in the host's own mount namespace, with its own sh and
# mount: `fill` lets nothing more be written, `protect` makes all read-only, `uncover` undoes
# either. They cover every folder of the root but those that are no disk.
set -eu
base=/run/lab-disk

folders() {
    for folder in /*; do
        case $folder in
            /dev | /proc | /run | /sys) continue ;;
        esac
        if [ -d "$folder" ] && [ ! -L "$folder" ]; then echo "$folder"; fi
    done
}

points() { # the mount points at and below a folder
    while read -r _ _ _ _ point _; do
        case $point in "$1" | "$1"/*) echo "$point" ;; esac
    done < /proc/self/mountinfo
}

case $1 in
    fill)
        mkdir -p "$base"
        mount -t tmpfs -o size=256k,mode=700 lab-disk "$base"
        for folder in $(folders); do
            below=$base/below$folder
            mkdir -p "$below" "$base/upper$folder" "$base/work$folder"
            # A folder with what is mounted in it, such as /etc/hosts: an overlay shows the
            # folder alone, so that is put back into place on top of it.
            mount -o rbind "$folder" "$below"
            set -- "$(stat -c %a "$folder")" "$(stat -c %u:%g "$folder")"
            chmod "$1" "$base/upper$folder"
            chown "$2" "$base/upper$folder"
            mount -t overlay lab-disk -o \
                "lowerdir=$below,upperdir=$base/upper$folder,workdir=$base/work$folder" "$folder"
            for point in $(points "$below"); do
                inner=${point#"$below"}
                [ -z "$inner" ] || mount -o bind "$point" "$folder$inner"
            done
        done
        cat /dev/zero > "$base/full" 2>/dev/null || :
        ;;
    protect)
        for folder in $(folders); do
            mount -o rbind "$folder" "$folder"
            mount -o remount,bind,ro "$folder"
        done
        ;;
    uncover)
        # Lazily: a session may still stand in a folder, and what is mounted below goes along.
        for point in $(folders) "$base"; do
            if points "$point" | grep -qxF "$point"; then umount -l "$point"; fi
        done
        if [ -d "$base" ]; then rmdir "$base"; fi
        ;;
esac
