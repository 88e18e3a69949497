# npm, which reads npm-shrinkwrap.json before package-lock.json.

manager_settings() {
  RUN=(npm run)
  SELECTION=()
  [ -z "$WORKSPACE" ] || SELECTION=("--workspace=$WORKSPACE" --include-workspace-root)
  export npm_config_cache=$CACHE/npm npm_config_logs_dir=$SCRATCH/npm-logs npm_config_logs_max=0
  export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false npm_config_progress=false
}

manager_install() {
  local command=install include=--include=dev
  if has_any npm-shrinkwrap.json package-lock.json; then command=ci; fi
  [ "$INCLUDE" = all ] || include=--omit=dev
  installing npm "$command" "$include" --prefer-offline "${SELECTION[@]}"
}

manager_prune() { indented npm prune --omit=dev --ignore-scripts "${SELECTION[@]}"; }

explain_install() {
  if said EUSAGE && has_any npm-shrinkwrap.json; then out_of_date npm-shrinkwrap.json 'npm install'; fi
  if said EUSAGE && has_any package-lock.json; then out_of_date package-lock.json 'npm install'; fi
  if said EJSONPARSE; then fail 'A JSON file of the source cannot be read (see above).'; fi
}
