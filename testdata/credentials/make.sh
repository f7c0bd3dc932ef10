#!/bin/sh
# Makes the folders good/ and bad/ and ca.pem anew. Needs OpenSSL 3.0 and keytool of Java 17.
set -eu
cd "$(dirname "$0")"
rm -rf good bad ca.pem
mkdir good bad
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
days=36500
umask 022

# --- the CA, an intermediate, and keys of each kind with their certificates

ext() { # name, lines...
    printf '%s\n' "$2" >"$work/$1.ext"
}
ext ca 'basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash'
ext leaf 'basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid'

sign() { # name, subject, issuer, extension file or "-"
    openssl req -new -key "$work/$1.key" -subj "/CN=$2" -out "$work/$1.csr"
    set -- "$1" "$3" "$4"
    if [ "$3" = - ]; then extensions=; else extensions="-extfile $work/$3.ext"; fi
    # shellcheck disable=SC2086 # two words on purpose
    openssl x509 -req -in "$work/$1.csr" -CA "$work/$2.pem" -CAkey "$work/$2.key" -sha256 \
        -set_serial "0x$(openssl rand -hex 8)" -days $days $extensions -out "$work/$1.pem" 2>/dev/null
}
ec() { openssl ecparam -name "$2" -genkey -out "$work/$1.key"; }

ec ca prime256v1
openssl req -x509 -key "$work/ca.key" -subj '/CN=throw-away CA' -days $days -out "$work/ca.pem" \
    -addext keyUsage=critical,keyCertSign,cRLSign
cp "$work/ca.pem" ca.pem
ec intermediate prime256v1
sign intermediate 'throw-away intermediate CA' ca ca

openssl genrsa -out "$work/rsa2048.key" 2048 2>/dev/null
openssl genrsa -out "$work/rsa4096.key" 4096 2>/dev/null
ec p256 prime256v1
ec p384 secp384r1
ec p521 secp521r1
openssl genpkey -algorithm ed25519 -out "$work/ed25519.key"
for kind in rsa2048 rsa4096 p256 p384 p521 ed25519; do sign $kind "client-$kind" ca leaf; done
ec below prime256v1
sign below client-below-intermediate intermediate leaf
ec v1 prime256v1
sign v1 client-v1 ca -
openssl x509 -in "$work/v1.pem" -noout -text | grep -q 'Version: 1 '
openssl genrsa -out "$work/v1rsa.key" 2048 2>/dev/null
sign v1rsa client-v1-rsa ca -

pass='correct horse'
printf %s "$pass" >"$work/pass"

# --- PEM

pair() { # folder, kind: the certificate; the key is written by the caller to $key
    mkdir "good/$1"
    cp "$work/$2.pem" "good/$1/client.pem"
    key="good/$1/key.pem"
}
sealed() { # as pair, with the passphrase
    pair "$1" "$2"
    cp "$work/pass" "good/$1/passphrase.txt"
}
for kind in rsa2048 rsa4096 p256 p384 p521 ed25519; do
    pair pkcs8-$kind $kind
    openssl pkcs8 -topk8 -nocrypt -in "$work/$kind.key" -out "$key"
done
for kind in rsa2048 rsa4096; do
    pair pkcs1-$kind $kind
    openssl rsa -in "$work/$kind.key" -traditional -out "$key" 2>/dev/null
done
for kind in p256 p384 p521; do
    pair sec1-$kind $kind
    openssl ec -in "$work/$kind.key" -out "$key" 2>/dev/null
done
pair sec1-after-ec-parameters p256
cp "$work/p256.key" "$key"
grep -q 'EC PARAMETERS' "$key"

pair x509-v1-p256 v1
cp "$work/v1.key" "$key"
pair x509-v1-rsa2048 v1rsa
cp "$work/v1rsa.key" "$key"

pair chain-with-intermediate below
cat "$work/below.pem" "$work/intermediate.pem" >good/chain-with-intermediate/client.pem
cp "$work/below.key" "$key"
pair chain-in-reverse-order below
cat "$work/ca.pem" "$work/intermediate.pem" "$work/below.pem" >good/chain-in-reverse-order/client.pem
cp "$work/below.key" "$key"
mkdir good/combined-certificate-first good/combined-key-first good/combined-windows-text
cat "$work/below.pem" "$work/intermediate.pem" "$work/below.key" >good/combined-certificate-first/client.pem
cat "$work/p256.key" "$work/p256.pem" >good/combined-key-first/client.pem
{
    printf '\357\273\277' # a byte order mark, and CR LF line ends below
    cat "$work/p256.pem" "$work/p256.key" | sed 's/$/\r/'
} >good/combined-windows-text/client.pem
mkdir good/combined-with-bag-attributes
openssl pkcs12 -export -in "$work/p256.pem" -inkey "$work/p256.key" -name 'a friend' -passout pass:x -out "$work/bag.p12"
openssl pkcs12 -in "$work/bag.p12" -passin pass:x -nodes -out good/combined-with-bag-attributes/client.pem

# --- encrypted PEM keys

for scheme in aes-128-cbc:hmacWithSHA1 aes-256-cbc:hmacWithSHA256 aes-256-cbc:hmacWithSHA512 des-ede3-cbc:hmacWithSHA256; do
    cipher=${scheme%:*}
    prf=${scheme#*:}
    sealed "encrypted-pkcs8-$cipher-$(echo "${prf#hmacWith}" | tr A-Z a-z)" rsa2048
    openssl pkcs8 -topk8 -v2 "$cipher" -v2prf "$prf" -in "$work/rsa2048.key" -passout "file:$work/pass" -out "$key"
done
for kind in p384 p521 ed25519; do
    sealed encrypted-pkcs8-$kind $kind
    openssl pkcs8 -topk8 -v2 aes-256-cbc -in "$work/$kind.key" -passout "file:$work/pass" -out "$key"
done
sealed encrypted-pkcs8-scrypt p256
openssl pkcs8 -topk8 -scrypt -in "$work/p256.key" -passout "file:$work/pass" -out "$key"
for cipher in aes128 aes192 aes256 des3; do
    sealed proc-type-rsa-$cipher rsa2048
    openssl rsa -in "$work/rsa2048.key" -traditional -$cipher -passout "file:$work/pass" -out "$key" 2>/dev/null
    sealed proc-type-ec-$cipher p256
    openssl ec -in "$work/p256.key" -$cipher -passout "file:$work/pass" -out "$key" 2>/dev/null
done
mkdir good/combined-encrypted
cp "$work/pass" good/combined-encrypted/passphrase.txt
cat "$work/rsa2048.pem" good/proc-type-rsa-aes256/key.pem >good/combined-encrypted/client.pem

# --- PKCS#12

bundle() { # folder, kind, options...
    folder=$1
    kind=$2
    shift 2
    mkdir "good/$folder"
    [ -f "good/$folder/passphrase.txt" ] || cp "$work/pass" "good/$folder/passphrase.txt"
    openssl pkcs12 -export -in "$work/$kind.pem" -inkey "$work/$kind.key" -name client \
        -passout "pass:$(cat "$work/pass")" -out "good/$folder/client.p12" "$@"
}
for kind in rsa4096 p256 p384 p521 ed25519; do bundle pkcs12-openssl3-$kind $kind; done
bundle pkcs12-openssl3-aes128-mac-sha1 p256 -keypbe AES-128-CBC -certpbe AES-128-CBC -macalg sha1
bundle pkcs12-openssl3-mac-sha512 p256 -macalg sha512
bundle pkcs12-openssl-legacy-rc2 rsa2048 -legacy
bundle pkcs12-openssl-legacy-rc2-p256 p256 -legacy
bundle pkcs12-openssl-3des rsa2048 -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1
bundle pkcs12-without-mac p256 -nomac
bundle pkcs12-unencrypted-bags p256 -keypbe NONE -certpbe NONE
bundle pkcs12-with-chain below -certfile "$work/intermediate.pem"
cat "$work/ca.pem" "$work/intermediate.pem" >"$work/others.pem"
bundle pkcs12-with-root-first below -certfile "$work/others.pem"
printf %s 'Schlüssel für 日本' >"$work/pass"
bundle pkcs12-non-ascii-passphrase p256
bundle pkcs12-non-ascii-passphrase-legacy rsa2048 -legacy
: >"$work/pass"
bundle pkcs12-empty-passphrase p256
bundle pkcs12-no-passphrase-given p256
rm good/pkcs12-no-passphrase-given/passphrase.txt
bundle pkcs12-empty-passphrase-legacy rsa2048 -legacy
printf %s "$pass" >"$work/pass"

java() { # folder, options...
    folder=$1
    shift
    mkdir "good/$folder"
    cp "$work/pass" "good/$folder/passphrase.txt"
    keytool -importkeystore -noprompt -srckeystore good/pkcs12-with-chain/client.p12 -srcstoretype pkcs12 \
        -srcstorepass "$pass" -deststorepass "$pass" -destkeystore "good/$folder/client.p12" \
        -deststoretype pkcs12 "$@" 2>/dev/null
}
java pkcs12-java
java pkcs12-java-legacy -J-Dkeystore.pkcs12.legacy

# --- what must be refused

keytool -importkeystore -noprompt -srckeystore good/pkcs12-java/client.p12 -srcstoretype pkcs12 \
    -srcstorepass "$pass" -deststorepass "$pass" -destkeystore bad/store.jks -deststoretype jks 2>/dev/null
openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -in "$work/p256.key" -passout "file:$work/pass" -out bad/pbes1-sha1-3des.key.pem
openssl pkcs8 -topk8 -v1 PBE-MD5-DES -provider legacy -provider default -in "$work/p256.key" \
    -passout "file:$work/pass" -out bad/pbes1-md5-des.key.pem
openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 20000000 -in "$work/p256.key" -passout "file:$work/pass" \
    -out bad/too-many-rounds.key.pem
openssl genpkey -algorithm rsa-pss -out bad/rsa-pss.key.pem 2>/dev/null
openssl ecparam -name secp256k1 -genkey -noout -out bad/secp256k1.key.pem
openssl pkcs12 -export -nokeys -in "$work/p256.pem" -passout "file:$work/pass" -out bad/without-key.p12
openssl pkcs12 -export -nocerts -inkey "$work/p256.key" -passout "file:$work/pass" -out bad/without-certificate.p12
openssl pkcs12 -export -legacy -keypbe PBE-MD5-DES -certpbe PBE-MD5-DES -in "$work/p256.pem" -inkey "$work/p256.key" \
    -passout "file:$work/pass" -out bad/pbe-md5-des.p12
openssl pkcs12 -export -keypbe CAMELLIA-256-CBC -certpbe CAMELLIA-256-CBC -in "$work/p256.pem" \
    -inkey "$work/p256.key" -passout "file:$work/pass" -out bad/camellia.p12

# Servers that must be refused: a signature with SHA-1, and a CA with a key of 1024 bits.
ext server 'basicConstraints=critical,CA:FALSE
subjectAltName=DNS:localhost
extendedKeyUsage=serverAuth'
ec weak prime256v1
openssl req -new -key "$work/weak.key" -subj /CN=localhost -out "$work/weak.csr"
openssl x509 -req -in "$work/weak.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -sha1 -days $days \
    -extfile "$work/server.ext" -out bad/server-sha1.pem 2>/dev/null
openssl req -x509 -newkey rsa:1024 -nodes -keyout "$work/small.key" -subj '/CN=throw-away small CA' \
    -days $days -out bad/server-rsa1024.ca.pem 2>/dev/null
openssl x509 -req -in "$work/weak.csr" -CA bad/server-rsa1024.ca.pem -CAkey "$work/small.key" -sha256 \
    -days $days -extfile "$work/server.ext" -out bad/server-rsa1024.pem 2>/dev/null
ec serverv1 prime256v1
sign serverv1 localhost ca -
cp "$work/serverv1.pem" bad/server-v1.pem
cp "$work/serverv1.key" bad/server-v1.key.pem
cp "$work/weak.key" bad/server-weak.key.pem
chmod -R u+rwX,go+rX good bad
