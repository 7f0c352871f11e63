cluster {
  region = "ap-southeast-2"
  nodes  = 3
}

node {
  name     = "node1"
  az       = "ap-southeast-2b"
  hive_dir = "/srv/hive"
  caps     = ["ebs", "ec2", "nats"]
  tags     = { gen = "epyc4", rack = "r1" }
}

compute {
  accel          = "tcg"
  reserve_cpu    = 0.5
  reserve_memory = "1.5GiB"
}

network {
  public_pool  = "127.90.0.0/24"
  public_ports = [22, 8080]
}

block {
  reserve = 1073741824
}

raft { log = "wal" }

telemetry {
  interval = "1m"
}
