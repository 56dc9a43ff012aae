"""Containers, clusters and infrastructure."""

TABLE = """
docker, podman, nerdctl:
    flag    -D -v --version --debug
    text    -l --log-level
docker buildx:
docker ps, docker images, docker inspect, docker logs, docker top, docker stats, docker port, docker stop, docker start, docker restart, docker rm, docker kill, docker pause, docker unpause, docker wait, docker rename, docker rmi, docker history, docker version, docker info, docker system, docker network, docker volume, docker container, docker image, docker events, docker diff, docker tag, podman ps, podman images, podman logs, podman stop, podman rm, podman rmi, podman inspect: text...
    flag    -a -q -f -l -s -t --all --quiet --latest --no-trunc --size --follow --timestamps --force --volumes --details --no-stream --digests
    text    -n --filter --format --tail --since --until --time --type --signal
docker pull, docker push, podman pull, podman push: image
    flag    -q -a --quiet --all-tags
    text    --platform
docker login, docker logout: host
    text    -u --username
    flag    --password-stdin
docker search: text
docker build, docker buildx build, podman build: source
    flag    -q --no-cache --pull --quiet --rm --force-rm --push --load
    text    -t -l --tag --build-arg --target --platform --label --progress --network
    read    -f --file --iidfile
docker run, docker create, podman run: image far
    flag    -d -i -t -it -P --rm --init --detach --interactive --tty --read-only --no-healthcheck
    text    -e -h -l -m -p -u -w --name --env --publish --user --workdir --hostname --label --memory --cpus --restart --network --platform --entrypoint-args --shm-size --stop-timeout --pull --log-driver --tmpfs --health-cmd --ulimit
    read    --env-file --label-file
    volume  -v --volume
    mount   --mount
docker exec, podman exec: text far
    flag    -d -i -t -it --detach --interactive --tty
    text    -e -u -w --env --user --workdir
    read    --env-file
docker cp, podman cp: inside_from inside_to
    flag    -a -L -q
docker save, docker load, docker export, docker import: text...
    write   -o --output
    read    -i --input
docker compose, docker-compose:
    flag    --ansi --compatibility --verbose
    text    -p --project-name --profile --env
    read    -f --file --env-file
    place   --project-directory
docker compose up, docker compose down, docker compose build, docker compose ps, docker compose logs, docker compose pull, docker compose start, docker compose stop, docker compose restart, docker compose rm, docker compose config, docker compose images, docker compose top, docker compose kill, docker compose ls, docker compose create, docker compose pause, docker compose version, docker-compose up, docker-compose down, docker-compose build, docker-compose ps, docker-compose logs, docker-compose pull, docker-compose start, docker-compose stop, docker-compose restart, docker-compose rm, docker-compose config: text...
    flag    -a -d -f -q -v -s --build --detach --no-deps --force-recreate --no-recreate --remove-orphans --volumes --quiet --follow --timestamps --no-cache --pull --wait --abort-on-container-exit --no-start --all --services --stop --always-recreate-deps --no-build --no-log-prefix
    text    -t --tail --timeout --scale --rmi --format --since --exit-code-from --build-arg
docker compose exec, docker compose run, docker-compose exec, docker-compose run: text far
    flag    -d -T -i -t --rm --detach --no-TTY --no-deps --service-ports
    text    -e -u -w --env --user --workdir --name --index --entrypoint-args
kubectl, oc:
    all
    text    -n -l --namespace --context --cluster --selector --field-selector --request-timeout -c --container
    flag    -A -v --all-namespaces --all --ignore-not-found
kubectl get, kubectl describe, kubectl logs, kubectl top, kubectl explain, kubectl api-resources, kubectl api-versions, kubectl cluster-info, kubectl version, kubectl rollout, kubectl scale, kubectl wait, kubectl auth, kubectl events, kubectl annotate, kubectl label, kubectl delete, kubectl config, kubectl expose, kubectl set, kubectl port-forward, kubectl cordon, kubectl uncordon, kubectl drain, kubectl taint, kubectl autoscale: text...
    flag    -f -w -p --watch --follow --previous --show-labels --no-headers --overwrite --now --timestamps --all-containers --prefix --client --short --ignore-daemonsets --containers
    text    -o -L --output --sort-by --tail --since --since-time --replicas --timeout --for --grace-period --max-log-requests --label-columns --type --port --target-port --address
    text?   --wait --cascade --dry-run --force
kubectl apply, kubectl create, kubectl diff, kubectl replace: text...
    flag    -R --recursive --server-side --prune --force --save-config
    text    -o --output --from-literal --image
    text?   --dry-run --validate
    source  -f -k --filename --kustomize
    read    --from-file --from-env-file
kubectl exec: text far
    flag    -i -t -it --stdin --tty
kubectl cp: inside_from inside_to
helm: text...
    flag    -i --install --wait --atomic --dry-run --debug
    text    -n --namespace --version --timeout
    source  -f --values
terraform, tofu:
    single
    place   -chdir
terraform plan, terraform apply, terraform destroy, terraform init, terraform validate, terraform fmt, terraform show, terraform output, terraform state, terraform workspace, terraform refresh, terraform version, terraform providers, terraform graph, terraform import, terraform taint, terraform untaint, terraform get, tofu plan, tofu init, tofu validate, tofu fmt, tofu show: read...
    single
    flag    -auto-approve -check -compact-warnings -diff -json -list -no-color -raw -recursive -reconfigure -refresh-only -upgrade -destroy -migrate-state
    text    -var -target -parallelism -replace -lock-timeout -input -refresh -lock -detailed-exitcode
    text?   -backend -write -get
    read    -var-file
    write   -out -state
ansible, ansible-playbook, vagrant, packer: text...
"""
