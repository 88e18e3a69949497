#!/usr/bin/env python3
# Stands in for the lifecycle's creator (platform API 0.12 and later). It checks what a platform has to provide, and exports an image to
# the registry as the lifecycle does. The source's file "mode" makes it fail, or try what a build must not do.

import base64, gzip, hashlib, http.client, io, json, os, re, stat, sys, tarfile

def check(condition, what):
    if not condition:
        print("ERROR: the platform is wrong: " + what, flush=True)
        sys.exit(1)

def flags():
    found, rest = {}, []
    for argument in sys.argv[1:]:
        match = re.fullmatch(r"--?([a-z-]+)=(.*)", argument)
        if match: found[match[1]] = match[2]
        else: rest.append(argument)
    known = {"app", "layers", "platform", "cache-dir", "report", "previous-image", "run-image", "process-type", "log-level",
             "uid", "gid", "tag", "order", "stack", "run", "buildpacks", "skip-restore", "no-color", "insecure-registry"}
    check(set(found) <= known, "unknown flags %s" % (set(found) - known))
    check(len(rest) == 1, "one image is expected, but got %s" % rest)
    return found, rest[0]

def check_process(given):
    uid, gid = int(os.environ["CNB_USER_ID"]), int(os.environ["CNB_GROUP_ID"])
    check((os.getuid(), os.getgid()) == (uid, gid), "runs as %d:%d" % (os.getuid(), os.getgid()))
    status = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
    for name in ("CapEff", "CapPrm", "CapBnd", "CapInh"): check(int(status[name], 16) == 0, name + " is " + status[name])
    check(status["NoNewPrivs"] == "1", "new privileges are possible")
    check(not any(os.path.exists(path) for path in ("/var/run/docker.sock", "/run/docker.sock")), "there is an engine socket")
    for name in ("app", "layers", "cache-dir"):
        path = given[name]
        check(os.path.isdir(path), path + " is no directory")
        check((os.stat(path).st_uid, os.stat(path).st_gid) == (uid, gid), path + " belongs to another user")
        open(path + "/.writable", "w").close()
        os.remove(path + "/.writable")
    check(os.environ["CNB_PLATFORM_API"] == "0.13", "the platform API is " + os.environ["CNB_PLATFORM_API"])
    check(re.fullmatch(r"[0-9]+", os.environ["SOURCE_DATE_EPOCH"]), "SOURCE_DATE_EPOCH is no time")

def platform_variables(given):
    folder = given["platform"] + "/env"
    variables = {}
    for name in os.listdir(folder):
        check(stat.S_ISREG(os.lstat(folder + "/" + name).st_mode), name + " is no file")
        variables[name] = open(folder + "/" + name, newline="").read()
        check(not name.startswith("BP_") or name not in os.environ, name + " is in the environment of the lifecycle")
    check(not any(name.startswith("CNB_") for name in variables), "a variable of the platform was passed")
    return variables

class Registry:
    def __init__(self, host):
        self.host = host
        auth = json.loads(os.environ["CNB_REGISTRY_AUTH"])
        check(list(auth) == [host], "CNB_REGISTRY_AUTH is for %s, the image for %s" % (list(auth), host))
        self.headers = {"Authorization": auth[host]}

    def call(self, method, path, body=None, headers={}, expect=None, auth=True):
        connection = http.client.HTTPConnection(self.host)
        connection.request(method, path, body, {**(self.headers if auth else {}), **headers})
        response = connection.getresponse()
        content = response.read()
        check(expect is None or response.status in expect, "%s %s answered %d %s" % (method, path, response.status, content[:300]))
        return response, content

    def json(self, path):
        accept = ",".join(["application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json"])
        response, content = self.call("GET", path, headers={"Accept": accept}, expect=[200, 404])
        return json.loads(content) if response.status == 200 else None

    def upload(self, repository, content):
        digest = digest_of(content)
        response, _ = self.call("POST", "/v2/%s/blobs/uploads/" % repository, expect=[202])
        location = response.getheader("Location")
        response, _ = self.call("PATCH", location, iter([content[:1000], content[1000:]]), {"Content-Type": "application/octet-stream"}, [202])
        location = response.getheader("Location")
        self.call("PUT", location + ("&" if "?" in location else "?") + "digest=" + digest, expect=[201])
        return {"digest": digest, "size": len(content)}

def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()

def layer(paths):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for path, name in paths:
            def normal(entry):
                entry.mtime = 315532801
                return entry
            tar.add(path, name, filter=normal)
    return content.getvalue()

def split(reference):
    host, rest = reference.split("/", 1)
    at = max(rest.find("@"), rest.rfind(":") if "@" not in rest else -1)
    return host, rest[:at], rest[at + 1:]

def hostile(registry, repository):
    other = "apps/00000000-0000-4000-8000-000000000000"
    digest = "sha256:" + "0" * 64
    for method, path in [("GET", "/v2/%s/manifests/latest" % other), ("GET", "/v2/%s/tags/list" % other), ("GET", "/v2/_catalog"),
                         ("POST", "/v2/%s/blobs/uploads/" % other), ("POST", "/v2/%s/blobs/uploads/?mount=%s&from=%s" % (repository, digest, other)),
                         ("GET", "/v2/%s/../../%s/tags/list" % (repository, other)), ("GET", "/v2/%s/%%2e%%2e/%%2e%%2e/%s/tags/list" % (repository, other)),
                         ("PUT", "/v2/%s/manifests/other-tag" % repository), ("DELETE", "/v2/%s/manifests/%s" % (repository, digest)),
                         ("PUT", "/v2/slipway/stack/manifests/x"), ("GET", "/v2/slipway/stack-build/tags/list")]:
        response, _ = registry.call(method, path)
        print("%s %s: %d" % (method, path, response.status), flush=True)
        check(response.status == 403, "a request was passed on")
    response, _ = registry.call("GET", "/v2/%s/tags/list" % repository, auth=False)
    check(response.status == 401, "the registry needs no credentials")

def main():
    given, image = flags()
    check_process(given)
    host, repository, tag = split(image)
    registry = Registry(host)
    app = given["app"]
    mode = open(app + "/mode").read().strip() if os.path.exists(app + "/mode") else ""
    print("===> ANALYZING", flush=True)
    registry.call("GET", "/v2/", expect=[200])
    response, _ = registry.call("POST", "/v2/%s/blobs/uploads/" % repository, expect=[202])
    registry.call("DELETE", response.getheader("Location"), expect=[204])
    run_host, run_repository, run_tag = split(given["run-image"])
    check(run_host == host, "the run image is in another registry")
    base = registry.json("/v2/%s/manifests/%s" % (run_repository, run_tag))
    check(base is not None, "the run image does not exist")
    previous = None
    if "previous-image" in given:
        _, previous_repository, previous_digest = split(given["previous-image"])
        check(previous_repository == repository, "the previous image is another app's")
        previous = registry.json("/v2/%s/manifests/%s" % (repository, previous_digest))
        check(previous is not None, "the previous image does not exist")
        print("Restoring data from the previous image " + previous_digest, flush=True)
    if mode == "hostile": hostile(registry, repository)
    print("===> DETECTING", flush=True)
    if not os.path.exists(app + "/serve.pl"): sys.exit(20)
    print("===> RESTORING", flush=True)
    count_file = given["cache-dir"] + "/count"
    count = int(open(count_file).read()) if os.path.exists(count_file) else 0
    print("The cache is of build %d" % count, flush=True)
    print("===> BUILDING", flush=True)
    variables = platform_variables(given)
    for name in sorted(variables):
        if name.startswith("BP_"): print("%s is %s" % (name, variables[name]), flush=True)
    if mode == "fail": sys.exit(51)
    if mode == "crash": sys.exit(62)
    process = given["layers"] + "/process"
    os.makedirs(process, exist_ok=True)
    open(process + "/greeting", "w").write(variables.get("BP_GREETING", "none"))
    print("===> EXPORTING", flush=True)
    launcher = "/tmp/process-web"
    if os.path.lexists(launcher): os.remove(launcher)
    os.symlink("/cnb/lifecycle/launcher", launcher)
    made = [layer([(given["layers"], "layers")]), layer([(app, app.lstrip("/"))]),
            layer([("/cnb/lifecycle/launcher", "cnb/lifecycle/launcher"), (launcher, "cnb/process/web")])]
    layers = []
    for one in base["layers"]:
        query = "?mount=%s&from=%s" % (one["digest"], run_repository)
        registry.call("POST", "/v2/%s/blobs/uploads/%s" % (repository, query), expect=[201])
        layers.append(one)
    for content in made:
        layers.append({"mediaType": base["layers"][0]["mediaType"], **registry.upload(repository, gzip.compress(content, 1, mtime=0))})
    config = registry.json("/v2/%s/blobs/%s" % (run_repository, base["config"]["digest"]))
    config["rootfs"]["diff_ids"] += [digest_of(content) for content in made]
    config["created"] = "1980-01-01T00:00:01Z"
    config["history"] = []
    config["author"] = os.environ["SOURCE_DATE_EPOCH"]
    processes = [{"type": "worker", "command": ["perl"]}] if mode == "no-web" else [{"type": "web", "command": ["perl"], "args": ["serve.pl", "of the stand-in"], "direct": True, "default": True}]
    settings = config["config"]
    settings["Labels"] = {**(settings.get("Labels") or {}), "io.buildpacks.build.metadata": json.dumps(
        {"buildpacks": [{"id": "example/perl", "version": "1.2.3"}], "processes": processes})}
    settings["Env"] = [*(settings.get("Env") or []), "CNB_APP_DIR=" + app, "CNB_LAYERS_DIR=" + given["layers"], "CNB_PLATFORM_API=" + os.environ["CNB_PLATFORM_API"]]
    settings["Entrypoint"], settings["Cmd"], settings["WorkingDir"] = ["/cnb/process/web"], None, app
    settings["User"] = "%s:%s" % (os.environ["CNB_USER_ID"], os.environ["CNB_GROUP_ID"])
    blob = registry.upload(repository, json.dumps(config).encode())
    manifest = json.dumps({**base, "config": {**base["config"], **blob}, "layers": layers}).encode()
    registry.call("PUT", "/v2/%s/manifests/%s" % (repository, tag), manifest, {"Content-Type": base["mediaType"]}, [201])
    open(count_file, "w").write(str(count + 1))
    with open(given.get("report", given["layers"] + "/report.toml"), "w") as report:
        report.write('[build]\n\n[image]\ntags = ["%s"]\ndigest = "%s"\nmanifest-size = %d\n' % (image, digest_of(manifest), len(manifest)))

main()
