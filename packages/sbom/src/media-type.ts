// How registries name the type of an SBOM.

export const sbomMediaType = "application/vnd.cyclonedx+json";
