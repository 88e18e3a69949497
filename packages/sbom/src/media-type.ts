// The media type of an SBOM in registries.

export const sbomMediaType = "application/vnd.cyclonedx+json";
