# Terraform owns the functions, imagekit makes what they run:
#   imagekit release --no-deploy --tfvars images.auto.tfvars.json
#   terraform apply
variable "images" {
  description = "Function name to image by digest, as imagekit writes it."
  type        = map(string)
}

variable "role" {
  description = "ARN of the role that the functions run as."
  type        = string
}

resource "aws_lambda_function" "function" {
  for_each      = var.images
  function_name = each.key
  package_type  = "Image"
  image_uri     = each.value # by digest: the plan differs where the code does, and nowhere else
  role          = var.role
  memory_size   = 1024
  timeout       = 30
  publish       = true
}
