"""Workers: taking instances up, acting, committing, resting, finding what nobody drives."""
