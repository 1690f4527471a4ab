//! The OCI image of the command, assembled without a container engine: one layer with the program, the
//! trusted certificates and a user.
//!
//! The archive is an OCI image layout with a `manifest.json` for older versions of `docker load`.
//! Format: OCI image specification 1.1.

use deploy::build::Architecture;
use serde_json::{Value, json};

use crate::entry::Entry;
use crate::{REPOSITORY, VERSION, pack};

/// The user and group of the process.
const USER: u32 = 65532;

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The files of the image.
#[must_use]
pub fn files(vigie: Vec<u8>, certificates: Vec<u8>) -> Vec<Entry> {
    let user = format!("vigie:x:{USER}:{USER}::/:/sbin/nologin\n");
    vec![
        Entry::program("vigie", vigie),
        Entry::file("etc/ssl/certs/ca-certificates.crt", certificates),
        Entry::file("etc/passwd", user),
        Entry::file("etc/group", format!("vigie:x:{USER}:\n")),
        Entry::shared_folder("data"),
    ]
}

/// The image as a tar archive for `docker load` and `podman load`.
pub fn image(files: &[Entry], architecture: Architecture) -> anyhow::Result<Vec<u8>> {
    let plain = pack::tar(files)?;
    let layer = pack::gzip(&plain)?;
    let config = serde_json::to_vec(&config(&plain, architecture))?;
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(CONFIG_TYPE, &config),
        "layers": [descriptor(LAYER_TYPE, &layer)],
    }))?;
    let name = format!("vigie:{VERSION}");
    let mut listed = descriptor(MANIFEST_TYPE, &manifest);
    listed["annotations"] = json!({
        "io.containerd.image.name": format!("docker.io/library/{name}"),
        "org.opencontainers.image.ref.name": VERSION,
    });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [listed],
    });
    let docker = json!([{
        "Config": blob_path(&config), "RepoTags": [name], "Layers": [blob_path(&layer)],
    }]);
    pack::tar(&[
        Entry::file("oci-layout", json!({ "imageLayoutVersion": "1.0.0" }).to_string()),
        Entry::file("index.json", index.to_string()),
        Entry::file("manifest.json", docker.to_string()),
        Entry::file(blob_path(&config), config),
        Entry::file(blob_path(&manifest), manifest),
        Entry::file(blob_path(&layer), layer),
    ])
}

fn config(layer: &[u8], architecture: Architecture) -> Value {
    let processor = match architecture {
        Architecture::Arm64 => "arm64",
        Architecture::X86 => "amd64",
    };
    json!({
        "architecture": processor,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "User": format!("{USER}:{USER}"),
            "Entrypoint": ["/vigie"],
            "Cmd": ["serve", "/probes", "--listen", "0.0.0.0:9517"],
            "ExposedPorts": { "9517/tcp": {} },
            "Env": ["SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "VIGIE_DATA=/data"],
            "Volumes": { "/data": {} },
            "WorkingDir": "/",
            "Labels": {
                "org.opencontainers.image.source": REPOSITORY,
                "org.opencontainers.image.version": VERSION,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", pack::sha256(layer))] },
    })
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({
        "mediaType": media_type,
        "digest": format!("sha256:{}", pack::sha256(content)),
        "size": content.len(),
    })
}

fn blob_path(content: &[u8]) -> String {
    format!("blobs/sha256/{}", pack::sha256(content))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;

    fn unpack(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(bytes);
        let mut files = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), content);
        }
        files
    }

    #[test]
    fn every_digest_of_the_image_is_that_of_its_blob() {
        let image = image(&files(b"program".to_vec(), b"ca".to_vec()), Architecture::Arm64);
        let files = unpack(&image.unwrap());
        let json = |path: &str| -> Value { serde_json::from_slice(&files[path]).unwrap() };
        let blob = |descriptor: &Value| -> &Vec<u8> {
            let digest = descriptor["digest"].as_str().unwrap().replace(':', "/");
            let blob = &files[&format!("blobs/{digest}")];
            assert_eq!(descriptor["size"], blob.len());
            assert!(digest.ends_with(&pack::sha256(blob)));
            blob
        };
        let manifest: Value =
            serde_json::from_slice(blob(&json("index.json")["manifests"][0])).unwrap();
        let config: Value = serde_json::from_slice(blob(&manifest["config"])).unwrap();
        assert_eq!(config["architecture"], "arm64");
        assert_eq!(config["config"]["User"], "65532:65532");
        let mut layer = Vec::new();
        let packed = blob(&manifest["layers"][0]).as_slice();
        flate2::read::GzDecoder::new(packed).read_to_end(&mut layer).unwrap();
        let id = format!("sha256:{}", pack::sha256(&layer));
        assert_eq!(config["rootfs"]["diff_ids"], json!([id]));
        assert_eq!(unpack(&layer)["vigie"], b"program");
        assert_eq!(json("manifest.json")[0]["RepoTags"], json!([format!("vigie:{VERSION}")]));
    }
}
