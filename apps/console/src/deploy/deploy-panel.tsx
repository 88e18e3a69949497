// Deploys a dropped folder or archive, or a named image: packs and uploads it, and opens the deployment's log.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { deployImage, deploySource, uploadSource } from "../api/actions.ts";
import { messageFor } from "../api/client.ts";
import { archiveOf, chosenFolder, droppedIn } from "./source-files.ts";
import type { Dropped } from "./source-files.ts";
import { gzipOf, tarOf } from "./tar.ts";

/** The archives contain the app in one folder. */
const rootFolder = "app/";

export function DeployPanel({ app }: { readonly app: string }) {
  const [isOver, setIsOver] = useState(false);
  const [gitRef, setGitRef] = useState("");
  const { deploy, isPending, error, step } = useDeploy(app, gitRef);
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
        deploy(() => ({ dropped: droppedIn(event.dataTransfer.items) }));
      }}
    >
      <span>
        <strong>Deploy:</strong> drop a folder or a <code>.tar.gz</code> here, or
      </span>
      <FileChoice
        label="choose a folder"
        folder
        disabled={isPending}
        onChoose={(files) => deploy(() => ({ dropped: chosenFolder(files) }))}
      />
      <FileChoice
        label="choose an archive"
        disabled={isPending}
        onChoose={(files) => deploy(() => ({ dropped: Promise.resolve().then(() => archiveOf(files[0])) }))}
      />
      <input
        aria-label="Name of the version (optional)"
        placeholder="version (optional)"
        value={gitRef}
        onChange={({ target }) => setGitRef(target.value)}
      />
      <ImageField disabled={isPending} onDeploy={(image) => deploy(() => ({ image }))} />
      {isPending ? <span role="status">{step}</span> : null}
      {error === null ? null : (
        <span className="error" role="alert">
          {messageFor(error)}
        </span>
      )}
    </section>
  );
}

interface ImageFieldProps {
  readonly disabled: boolean;
  readonly onDeploy: (image: string) => void;
}

function ImageField({ disabled, onDeploy }: ImageFieldProps) {
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
      <button type="submit" disabled={disabled}>
        deploy the image
      </button>
    </form>
  );
}

type Subject = { readonly dropped: Promise<Dropped> } | { readonly image: string };

/**
 * Packs, uploads and deploys a source, or deploys an image, one at a time. Then shows the deployment, unless the user has left the page.
 */
function useDeploy(app: string, gitRef: string) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [step, setStep] = useState("");
  // A second drop may occur before the mutation's state is rendered.
  const runs = useRef(false);
  const { mutate, isPending, error } = useMutation({
    mutationFn: async (subject: Subject) => {
      if ("image" in subject) {
        setStep("Queueing…");
        return deployImage(app, subject.image, gitRef.trim());
      }
      setStep("Packing…");
      const archive = await archiveFor(await subject.dropped);
      const url = await uploadSource(archive, (part) => setStep(`Uploading… ${Math.round(part * 100)} %`));
      setStep("Queueing…");
      return deploySource(app, url, gitRef.trim());
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["apps", app] }),
    onSettled: () => {
      runs.current = false;
    },
  });
  const deploy = (choose: () => Subject) => {
    if (runs.current) return;
    runs.current = true;
    mutate(choose(), {
      onSuccess: ({ id: deployment }) =>
        void navigate({ to: "/apps/$app/deployments/$deployment", params: { app, deployment } }),
    });
  };
  return { deploy, isPending, error, step };
}

interface FileChoiceProps {
  readonly label: string;
  readonly folder?: boolean;
  readonly disabled: boolean;
  readonly onChoose: (files: FileList) => void;
}

function FileChoice({ label, folder = false, disabled, onChoose }: FileChoiceProps) {
  return (
    <label className="button file">
      {label}
      <input
        type="file"
        disabled={disabled}
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
