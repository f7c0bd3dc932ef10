//! The older encryption of PEM keys, `Proc-Type: 4,ENCRYPTED` (RFC 1421, as OpenSSL does it):
//! the key comes from MD5 over passphrase and salt, the salt is the first half of the IV.

use cbc::cipher::BlockModeDecrypt;
use cbc::cipher::KeyIvInit;
use cbc::cipher::block_padding::Pkcs7;
use md5::Digest;
use md5::Md5;
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::tls::key::KeyError;

/// Opens a block whose `DEK-Info` header is `dek_info`, for example `AES-256-CBC,0A1B...`.
pub(super) fn decrypt(
    dek_info: &str,
    sealed: &[u8],
    passphrase: &Secret,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (cipher, iv) = dek_info.split_once(',').ok_or(KeyError::UnknownEncryption)?;
    let iv = hex(iv.trim()).ok_or(KeyError::UnknownEncryption)?;
    match cipher {
        "AES-128-CBC" => open::<cbc::Decryptor<aes::Aes128>>(16, &iv, sealed, passphrase),
        "AES-192-CBC" => open::<cbc::Decryptor<aes::Aes192>>(24, &iv, sealed, passphrase),
        "AES-256-CBC" => open::<cbc::Decryptor<aes::Aes256>>(32, &iv, sealed, passphrase),
        "DES-EDE3-CBC" => open::<cbc::Decryptor<des::TdesEde3>>(24, &iv, sealed, passphrase),
        _ => Err(KeyError::UnknownEncryption),
    }
}

fn open<C: KeyIvInit + BlockModeDecrypt>(
    key_bytes: usize,
    iv: &[u8],
    sealed: &[u8],
    passphrase: &Secret,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let salt = iv.get(..8).ok_or(KeyError::UnknownEncryption)?;
    let key = derive(key_bytes, salt, passphrase);
    let cipher = C::new_from_slices(&key, iv).map_err(|_| KeyError::UnknownEncryption)?;
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let length =
        cipher.decrypt_padded::<Pkcs7>(&mut buffer).map_err(|_| KeyError::WrongPassphrase)?.len();
    buffer.truncate(length);
    Ok(buffer)
}

/// `EVP_BytesToKey` of OpenSSL with MD5 and one round.
fn derive(key_bytes: usize, salt: &[u8], passphrase: &Secret) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(key_bytes + 16));
    while key.len() < key_bytes {
        let last = key.len().saturating_sub(16);
        let mut digest = Md5::new();
        digest.update(&key[last..]);
        digest.update(passphrase.expose().as_bytes());
        digest.update(salt);
        key.extend_from_slice(&digest.finalize());
    }
    key.truncate(key_bytes);
    key
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits?;
    (digits.len() % 2 == 0).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::decrypt;
    use super::derive;
    use super::hex;
    use crate::secret::Secret;
    use crate::tls::key::KeyError;

    #[test]
    fn the_key_is_derived_as_openssl_does() {
        // openssl enc -aes-256-cbc -md md5 -S 0001020304050607 -k secret -P
        let key = derive(32, &hex("0001020304050607").unwrap(), &Secret::new("secret".to_owned()));
        assert_eq!(*key, hex(OPENSSL_KEY).unwrap());
    }

    const OPENSSL_KEY: &str = "035FB8145B73CF111570DC936112BE9C375A5D3D8B915BC213BDBEF9DBFB7851";

    #[test]
    fn odd_parameters_are_refused() {
        let secret = Secret::new("secret".to_owned());
        for odd in ["", "AES-256-CBC", "AES-256-CBC,", "AES-256-CBC,0G", "RC4,00", "AES-256-CBC,00"]
        {
            assert_eq!(decrypt(odd, &[0; 16], &secret).err(), Some(KeyError::UnknownEncryption));
        }
    }
}
