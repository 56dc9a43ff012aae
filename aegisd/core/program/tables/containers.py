"""Containers, clusters and infrastructure."""

TABLE = """
docker, podman, nerdctl:
    flag    -D -v --version --debug
    text    -l --log-level
docker container, docker image, docker volume, docker network, docker system, docker buildx:
docker ps, docker images, docker inspect, docker logs, docker top, docker stats, docker port, \
docker stop, docker start, docker restart, docker rm, docker kill, docker pause, docker unpause, \
docker wait, docker rename, docker rmi, docker history, docker version, docker info, \
docker events, docker diff, docker tag, docker container ls, docker container ps, \
docker container inspect, docker container logs, docker container top, docker container stats, \
docker container stop, docker container start, docker container restart, docker container rm, \
docker container kill, docker container prune, docker image ls, docker image rm, \
docker image prune, docker image inspect, docker image history, docker volume ls, \
docker volume rm, docker volume prune, docker volume inspect, docker volume create, \
docker network ls, docker network rm, docker network prune, docker network inspect, \
docker network create, docker network connect, docker network disconnect, docker system df, \
docker system prune, docker system info, docker buildx ls, docker buildx inspect, podman ps, \
podman images, podman logs, podman stop, podman start, podman rm, podman rmi, podman inspect, \
nerdctl ps, nerdctl images, nerdctl logs, nerdctl stop, nerdctl rm: text...
    flag    -a -q -f -l -s -t --all --quiet --latest --no-trunc --size --follow --timestamps
    flag    --force --volumes --details --no-stream --digests
    text    -n --filter --format --tail --since --until --time --type --signal
docker pull, docker push, docker image pull, docker image push, docker search, podman pull, \
podman push: pulled
    flag    -q -a --quiet --all-tags
    text    --platform --filter --limit
docker login, docker logout: host
    text    -u --username
    flag    --password-stdin
docker build, docker image build, docker buildx build, podman build: context
    flag    -q --no-cache --pull --quiet --rm --force-rm --push --load
    text    --build-arg --target --platform --label --progress --network
    image   -t --tag
    load    -f --file
    write   --iidfile
docker run, docker create, docker container run, docker container create, podman run: started far
    typed
    flag    -d -i -t -P --rm --init --detach --interactive --tty --read-only --no-healthcheck
    text    -e -h -l -m -p -u -w --name --env --publish --user --workdir --hostname --label
    text    --memory --cpus --restart --network --net --platform --shm-size --stop-timeout --pull
    text    --tmpfs --ulimit --gpus --link --expose --network-alias --ip
    read    --env-file --label-file
    write   --cidfile
    volume  -v --volume
    mount   --mount
docker exec, docker container exec, podman exec: text far
    flag    -d -i -t --detach --interactive --tty
    text    -e -u -w --env --user --workdir
    read    --env-file
docker cp, docker container cp, podman cp: inside_from inside_to
    flag    -a -L -q
docker save, docker export, docker image save: text...
    write   -o --output
docker load, docker image load:
    flag    -q
    read    -i --input
docker import, docker image import: source text
docker compose, docker-compose:
    flag    --compatibility --verbose
    text    -p --project-name --profile --ansi
    context -f --file
    read    --env-file
    load    --project-directory
docker compose up, docker compose down, docker compose build, docker compose ps, \
docker compose logs, docker compose pull, docker compose start, docker compose stop, \
docker compose restart, docker compose rm, docker compose config, docker compose images, \
docker compose top, docker compose kill, docker compose ls, docker compose create, \
docker compose pause, docker compose version, docker-compose up, docker-compose down, \
docker-compose build, docker-compose ps, docker-compose logs, docker-compose pull, \
docker-compose start, docker-compose stop, docker-compose restart, docker-compose rm, \
docker-compose config: text...
    flag    -a -d -f -q -v -s --build --detach --no-deps --force-recreate --no-recreate
    flag    --remove-orphans --volumes --quiet --follow --timestamps --no-cache --pull --wait
    flag    --abort-on-container-exit --no-start --all --services --stop --always-recreate-deps
    flag    --no-build --no-log-prefix --no-color
    text    -t -n --tail --timeout --scale --rmi --format --since --exit-code-from --build-arg
docker compose exec, docker compose run, docker-compose exec, docker-compose run: text far
    flag    -d -T -i -t --rm --detach --no-TTY --no-deps --service-ports --build
    text    -e -u -w --env --user --workdir --name --index
kubectl:
    all
    text    -n -l --namespace --context --cluster --selector --field-selector --request-timeout
    text    -c --container
    flag    -A --all-namespaces --all --ignore-not-found
kubectl config, kubectl auth, kubectl rollout, kubectl create, kubectl set:
kubectl logs, kubectl top, kubectl explain, kubectl api-resources, kubectl api-versions, \
kubectl cluster-info, kubectl version, kubectl events, kubectl cordon, kubectl uncordon, \
kubectl drain, kubectl port-forward, kubectl config view, kubectl config current-context, \
kubectl config get-contexts, kubectl config use-context, kubectl auth can-i, \
kubectl auth whoami: text...
    flag    -f -p -w --follow --previous --no-headers --timestamps --all-containers --prefix
    flag    --client --short --ignore-daemonsets --containers --watch --minify --recursive
    flag    --delete-emptydir-data --namespaced
    shape   -o --output
    text    --sort-by --tail --since --since-time --timeout --grace-period --max-log-requests
    text    --types --for --verbs
    text?   --force
kubectl get, kubectl describe, kubectl scale, kubectl wait, kubectl annotate, kubectl label, \
kubectl delete, kubectl expose, kubectl taint, kubectl autoscale, kubectl rollout status, \
kubectl rollout restart, kubectl rollout undo, kubectl rollout history: text...
    flag    -R -w --watch --show-labels --no-headers --overwrite --now --recursive
    source  -f --filename
    context -k --kustomize
    shape   -o --output
    text    -L --sort-by --replicas --timeout --for --grace-period --label-columns --type --port
    text    --target-port --name --min --max --cpu-percent --to-revision --revision
    text?   --wait --cascade --dry-run --force
kubectl set image: text pinned...
kubectl apply, kubectl diff, kubectl replace: text...
    flag    -R --recursive --server-side --prune --force --save-config
    shape   -o --output
    text?   --dry-run --validate --wait
    source  -f --filename
    context -k --kustomize
kubectl create namespace, kubectl create configmap, kubectl create secret, \
kubectl create serviceaccount: text...
    shape   -o --output
    text    --from-literal --type
    text?   --dry-run
    keyed   --from-file
    read    --from-env-file
kubectl exec: text far
    flag    -i -t --stdin --tty
kubectl cp: inside_from inside_to
helm:
helm repo, helm dependency:
helm install, helm upgrade: text chart
    flag    -i --install --wait --atomic --dry-run --debug --create-namespace --reuse-values
    text    -n --namespace --version --timeout --set --set-string
    source  -f --values
helm template: chart chart
    flag    --debug
    text    -n --namespace --version --set --set-string
    source  -f --values
helm list, helm status, helm history, helm get, helm rollback, helm uninstall, helm version, \
helm repo list, helm repo update, helm search: text...
    flag    -a -A --all --all-namespaces
    text    -n --namespace -o --output --revision --version
helm repo add: text url
helm lint, helm package, helm dependency update, helm dependency build: load...
    source  -f --values
terraform, tofu:
    single
    project -chdir
terraform plan, terraform apply, terraform destroy, terraform init, terraform validate, \
terraform refresh, terraform graph, terraform get, terraform show, tofu plan, tofu apply, \
tofu destroy, tofu init, tofu validate, tofu show: load
    single
    flag    -auto-approve -compact-warnings -json -no-color -reconfigure -refresh-only -upgrade
    flag    -destroy -migrate-state -detailed-exitcode
    text    -var -target -parallelism -replace -lock-timeout
    text?   -backend -get -input -refresh -lock
    read    -var-file
    write   -out -state
terraform fmt, tofu fmt: write...
    single
    flag    -check -diff -recursive -no-color
    text?   -write -list
terraform state, terraform workspace:
terraform output, terraform version, terraform providers, terraform import, terraform taint, \
terraform untaint, terraform state list, terraform state show, terraform state rm, \
terraform state mv, terraform workspace list, terraform workspace select, terraform workspace new, \
terraform workspace show, tofu output, tofu version: text...
    single
    flag    -json -raw -no-color
ansible-playbook: load...
    flag    -v -C -D -b --check --diff --become --syntax-check --list-tasks
    text    -l -t --limit --tags --skip-tags
packer:
packer build, packer validate, packer fmt, packer init: load
    read    -var-file
    text    -var -only
    single
vagrant:
vagrant up, vagrant halt, vagrant status, vagrant destroy, vagrant reload, \
vagrant provision: name...
    flag    -f --provision
"""
