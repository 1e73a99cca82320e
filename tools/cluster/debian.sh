#!/usr/bin/env bash
# Kubernetes 1.20.2 from Debian bookworm's source package "kubernetes", whose tree is complete although the
# binary package has kubectl only.  Usage: debian.sh DIRECTORY; needs root and apt.  etcd comes as a package.
set -euo pipefail
target=$(readlink -f "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version='1.20.5+really1.20.2-1.1+deb12u1'
export DEBIAN_FRONTEND=noninteractive

apt-get update -qq
apt-get install -qq -y --no-install-recommends \
    dpkg-dev etcd-server golang-1.19-go golang-github-modern-go-reflect2-dev >/dev/null

# Source packages from where this machine takes its packages, without touching the machine's own lists.
mkdir -p "$work"/{sources,lists/partial,archives/partial}
for list in /etc/apt/sources.list.d/*.sources; do
    [ -e "$list" ] && sed 's/^Types: .*/Types: deb-src/' "$list" >"$work/sources/$(basename "$list")"
done
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -e "$list" ] && sed -n 's/^deb /deb-src /p' "$list" >"$work/sources/$(basename "$list")"
done
apt=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work/sources"
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work" -o APT::Sandbox::User=root)
apt-get "${apt[@]}" update -qq
cd "$work"
apt-get "${apt[@]}" source -qq --download-only "kubernetes=$version"
tree=$work/gopath/src/k8s.io/kubernetes
mkdir -p "$(dirname "$tree")"
dpkg-source --no-check -x kubernetes_*.dsc "$tree" >/dev/null  # apt has verified it
cd "$tree"

# The vendored reflect2 crashes in programs of Go 1.18 and newer; Debian's own copy does not.
rm -rf vendor/github.com/modern-go/reflect2
cp -a /usr/share/gocode/src/github.com/modern-go/reflect2 vendor/github.com/modern-go/
rm -f vendor/github.com/modern-go/reflect2/*_test.go

# Clients and Helm read the version, which a build from this tree would not know.
for file in staging/src/k8s.io/{component-base/version,client-go/pkg/version}/base.go; do
    sed -i -E 's/^(\tgitVersion +(string +)?= )"[^"]*"/\1"v1.20.2"/
        s/^(\tgitMajor +string)( *=[^\/]*)?/\1 = "1" /
        s/^(\tgitMinor +string)( *=[^\/]*)?/\1 = "20" /' "$file"
done

export GO111MODULE=off GOFLAGS= CGO_ENABLED=0 GOPATH="$work/gopath" GOCACHE="$work/gocache"
export PATH=/usr/lib/go-1.19/bin:$PATH

# The one generated file that is not in the source package: the definitions for OpenAPI.
go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
packages=$(grep -rl --include='*.go' -E '^// *\+k8s:openapi-gen=' pkg cmd staging/src/k8s.io |
    grep -v -E '_test.go|/testdata/|sample-|/examples/' | xargs -n1 dirname | sort -u |
    sed 's#^staging/src/#k8s.io/kubernetes/vendor/#; t; s#^#k8s.io/kubernetes/#' | paste -sd,)
"$work/openapi-gen" --logtostderr --go-header-file hack/boilerplate/boilerplate.generatego.txt \
    -O zz_generated.openapi -i "$packages" -p k8s.io/kubernetes/pkg/generated/openapi \
    --output-base "$GOPATH/src" -r "$work/violations"

for program in kube-apiserver kube-controller-manager kube-scheduler; do
    go build -ldflags '-s -w' -o "$target/$program" "./cmd/$program"
done
