// Reads when an engine last tagged an image.

import { callEngine, statusOf } from "@slipway/docker";
import type Docker from "dockerode";

/** The fields read from the engine's `GET /images/{id}/json`. */
interface ImageTimes {
  readonly Created: string;
  readonly Metadata?: { readonly LastTagTime?: string };
}

/** @returns the creation time when the image was never tagged; null when it was removed in the meantime. */
export async function lastTaggedAt(docker: Docker, id: string): Promise<Date | null> {
  try {
    const found: ImageTimes = await callEngine("inspect an image", () => docker.getImage(id).inspect());
    const { Created, Metadata } = found;
    const tagged = new Date(Metadata?.LastTagTime ?? "");
    return Number.isNaN(tagged.getTime()) || tagged.getTime() < 0 ? new Date(Created) : tagged;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}
