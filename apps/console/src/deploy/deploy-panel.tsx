// Deploys what is dropped on it, or the image that is named: packs, uploads, and opens the deployment's log.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { deployImage, deploySource, uploadSource } from "../api/actions.ts";
import { messageFor } from "../api/client.ts";
import { archiveOf, chosenFolder, droppedIn } from "./source-files.ts";
import type { Dropped } from "./source-files.ts";
import { gzipOf, tarOf } from "./tar.ts";

/** Archives have one folder that contains the app. */
const rootFolder = "app/";

export function DeployPanel({ app }: { readonly app: string }) {
  const [isOver, setIsOver] = useState(false);
  const [gitRef, setGitRef] = useState("");
  const { deployment, image, step } = useDeploy(app, gitRef);
  const error = deployment.error ?? image.error;
  return (
    <section
      className={isOver ? "drop over" : "drop"}
      aria-label="Deploy"
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setIsOver(false);
        deployment.mutate(droppedIn(event.dataTransfer.items));
      }}
    >
      <span>
        <strong>Deploy:</strong> drop a folder or a <code>.tar.gz</code> here, or
      </span>
      <FileChoice
        label="choose a folder"
        folder
        onChoose={(files) => deployment.mutate(chosenFolder(files))}
      />
      <FileChoice
        label="choose an archive"
        onChoose={(files) => deployment.mutate(Promise.resolve().then(() => archiveOf(files[0])))}
      />
      <input
        aria-label="Name of the version (optional)"
        placeholder="version (optional)"
        value={gitRef}
        onChange={({ target }) => setGitRef(target.value)}
      />
      <ImageField onDeploy={(name) => image.mutate(name)} />
      {deployment.isPending || image.isPending ? <span role="status">{step}</span> : null}
      {error === null ? null : (
        <span className="error" role="alert">
          {messageFor(error)}
        </span>
      )}
    </section>
  );
}

function ImageField({ onDeploy }: { readonly onDeploy: (image: string) => void }) {
  const [name, setName] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onDeploy(name.trim());
      }}
    >
      <input
        aria-label="Image by digest"
        placeholder="or an image: registry/name@sha256:…"
        required
        value={name}
        onChange={({ target }) => setName(target.value)}
      />
      <button type="submit">deploy the image</button>
    </form>
  );
}

/** Packs, uploads and deploys, or deploys an image; then shows the deployment. */
function useDeploy(app: string, gitRef: string) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [step, setStep] = useState("");
  const onSuccess = async ({ id }: { readonly id: string }) => {
    await queries.invalidateQueries({ queryKey: ["apps", app] });
    await navigate({ to: "/apps/$app/deployments/$deployment", params: { app, deployment: id } });
  };
  const deployment = useMutation({
    mutationFn: async (reading: Promise<Dropped>) => {
      setStep("Packing…");
      const archive = await archiveFor(await reading);
      const url = await uploadSource(archive, (part) => setStep(`Uploading… ${Math.round(part * 100)} %`));
      setStep("Queueing…");
      return deploySource(app, url, gitRef.trim());
    },
    onSuccess,
  });
  const image = useMutation({
    mutationFn: async (name: string) => {
      setStep("Queueing…");
      return deployImage(app, name, gitRef.trim());
    },
    onSuccess,
  });
  return { deployment, image, step };
}

interface FileChoiceProps {
  readonly label: string;
  readonly folder?: boolean;
  readonly onChoose: (files: FileList) => void;
}

function FileChoice({ label, folder = false, onChoose }: FileChoiceProps) {
  return (
    <label className="button file">
      {label}
      <input
        type="file"
        {...(folder ? { webkitdirectory: "" } : { accept: ".tar.gz,.tgz,application/gzip" })}
        onChange={({ target }) => {
          if (target.files !== null && target.files.length > 0) onChoose(target.files);
          target.value = "";
        }}
      />
    </label>
  );
}

async function archiveFor(dropped: Dropped): Promise<Blob> {
  if (dropped.kind === "archive") return dropped.file;
  return gzipOf(tarOf(dropped.files.map((file) => ({ ...file, path: rootFolder + file.path }))));
}
