#!/bin/sh
# Runs a static test binary on an emulated processor with AVX-512: Bochs boots
# a Linux kernel whose first process is the program beside this file.
#
#	CGO_ENABLED=0 go test -c -o f32.test ..   # in this folder, or any other package
#	./emulate.sh f32.test QUANTNB_ISA=avx512 -test.v -test.short -test.run Gemm
#
# Words with = before the first flag go to the environment. On Debian:
#
#	apt-get install bochs bochsbios vgabios isolinux syslinux-common xorriso cpio
#
# The kernel is taken from $KERNEL, or from Debian's package
# linux-image-cloud-amd64, which is downloaded and not installed. $CPU is a
# model of Bochs (bochs --help cpu), $WORK a folder for what is made. The exit
# status is 0 if the test binary's was. It emulates some 50 million
# instructions a second: booting takes a minute.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${WORK:-${TMPDIR:-/tmp}/emulate}
cpu=${CPU:-corei7_skylake_x}
binary=$1
shift
mkdir -p "$work"
# One machine at a time may use the folder.
run=$(mktemp -d "$work/run.XXXXXX")
trap 'rm -rf "$run"' EXIT

if [ -z "${KERNEL:-}" ]; then
	KERNEL=$(ls "$work"/kernel/boot/vmlinuz-* 2>/dev/null | head -n 1 || true)
fi
if [ -z "$KERNEL" ]; then
	(
		mkdir -p "$work/kernel" && cd "$work"
		image=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/ *Depends: //p' | head -n 1)
		apt-get download "$image" >/dev/null
		dpkg -x "$image"_*.deb kernel
	)
	KERNEL=$(ls "$work"/kernel/boot/vmlinuz-* | head -n 1)
fi

mkdir -p "$run/root/dev" "$run/iso"
(cd "$here" && CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -ldflags='-s -w' -o "$run/root/init" .)
cp "$binary" "$run/root/test"
: >"$run/vars"
: >"$run/args"
flags=
for word; do
	case $flags$word in
	-*) flags=- && echo "$word" >>"$run/args" ;;
	*=*) echo "$word" >>"$run/vars" ;;
	*) echo "$word" >>"$run/args" ;;
	esac
done
{ cat "$run/vars" && echo /test && cat "$run/args"; } >"$run/root/run"
(cd "$run/root" && find . | cpio -o -H newc --quiet) >"$run/iso/initrd"
cp "$KERNEL" "$run/iso/vmlinuz"
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$run/iso"
# clearcpuid: Bochs misstates the size of compacted XSAVE areas, for which Linux
# would switch off all of AVX.
cat >"$run/iso/isolinux.cfg" <<-END
	default linux
	prompt 0
	label linux
	kernel vmlinuz
	append initrd=initrd console=ttyS0,115200 quiet nokaslr mitigations=off clearcpuid=321,323 nosmp lpj=4000000 tsc=reliable panic=-1
END
xorriso -as mkisofs -quiet -o "$run/boot.iso" -b isolinux.bin -c boot.cat \
	-no-emul-boot -boot-load-size 4 -boot-info-table "$run/iso" >/dev/null
cat >"$run/bochsrc" <<-END
	display_library: rfb, options="timeout=0"
	romimage: file=/usr/share/bochs/BIOS-bochs-latest
	vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
	cpu: model=$cpu, count=1, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1
	memory: guest=1024, host=1024
	ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
	ata0-master: type=cdrom, path=$run/boot.iso, status=inserted
	boot: cdrom
	com1: enabled=1, mode=file, dev=$run/serial
	clock: sync=none
	sound: waveoutdrv=dummy
	log: $run/log
	panic: action=fatal
	error: action=report
	info: action=ignore
	debug: action=ignore
END
: >"$run/serial"
tail -f "$run/serial" &
tail=$!
echo c >"$run/commands" # Debian's Bochs waits in its debugger
bochs -q -f "$run/bochsrc" -rc "$run/commands" >"$run/out" 2>&1 </dev/null || true
sleep 1
kill $tail
if grep -q '^emulate: ended with <nil>' "$run/serial"; then
	exit 0
fi
cp "$run/log" "$run/out" "$work" 2>/dev/null || true
exit 1
